/** Limits of one request and of all requests together. */

/** Size of a request's body. */
export const MAX_BODY_BYTES = 16 * 2 ** 20;
/** Size of all bodies that are arriving or in the queue. */
export const MAX_WAITING_BYTES = 256 * 2 ** 20;
/** Size of all runs and samples that clients have asked for and not yet taken. */
export const MAX_UNSENT_BYTES = 256 * 2 ** 20;
/** Requests in the queue. */
export const MAX_WAITING_REQUESTS = 20_000;
/** Inputs of a request. */
export const MAX_INPUTS = 1024;
/** Inputs of a request in which several symbols are read; a reading recognises up to 1,400 candidates. */
export const MAX_READINGS = 4;
/** Pixels of such an input: it is searched in full. */
export const MAX_READ_PIXELS = 2 ** 22;
/** Sum of the lengths of a request's sequences. */
export const MAX_STEPS = 2 ** 17;

/** A batch: requests, and bytes of their bodies plus the pixels that the headers of pictures announce. */
export const MAX_BATCH_REQUESTS = 64;
export const MAX_BATCH_BYTES = 2 * 2 ** 20;
/** A batch that takes longer fails. */
export const COMPUTE_MS = 60_000;
/**
 * Memory of a worker's objects: three times what the largest body needs as JSON. The tensors of a network are outside of
 * it, and are limited by the size of its checkpoint.
 */
export const MAX_WORKER_HEAP_MIB = 1024;

/** Time in which a request's headers, and the whole request, must arrive. */
export const HEADERS_MS = 15_000;
export const REQUEST_MS = 60_000;
/** A client that takes nothing of its answer for this time is disconnected; event streams send heartbeats. */
export const IDLE_MS = 65_000;
export const KEEP_ALIVE_MS = 10_000;
/** Connections that wait until the server takes them; the system may allow fewer. Node.js's own number is 511. */
export const MAX_BACKLOG = 4096;
/** Further connections are refused. */
export const MAX_CONNECTIONS = 10_000;
/** Connections to event streams, and unsent bytes of one of them. */
export const MAX_LISTENERS = 256;
export const MAX_BEHIND_BYTES = 4 * 2 ** 20;

/** Of a project to teach from: classes, drawings, and points of all drawings. */
export const MAX_TAUGHT_CLASSES = 100;
export const MAX_TAUGHT_DRAWINGS = 5000;
export const MAX_TAUGHT_POINTS = 500_000;
/** Epochs that a request may ask for. */
export const MAX_TAUGHT_EPOCHS = 500;
/** Trainings that wait while one runs. */
export const MAX_WAITING_TRAININGS = 8;
/** A training that takes longer fails. */
export const TRAINING_MS = 600_000;
/** Trainings whose state is remembered. */
export const MAX_REMEMBERED_TRAININGS = 256;
/** Run folders that a server writes: nothing removes them. */
export const MAX_TAUGHT_RUNS = 1000;

/** A shutdown closes connections that take longer. */
export const SHUTDOWN_MS = 10_000;
