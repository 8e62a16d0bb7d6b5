/** What one request, and all of them together, may cost the server. */

/** Of a request's body. */
export const MAX_BODY_BYTES = 16 * 2 ** 20;
/** Of all bodies that are arriving or wait for their turn. */
export const MAX_WAITING_BYTES = 256 * 2 ** 20;
/** Requests that wait for their turn. */
export const MAX_WAITING_REQUESTS = 20_000;
/** Inputs in a request. */
export const MAX_INPUTS = 1024;
/** Steps of the sequences in a request, all together. */
export const MAX_STEPS = 2 ** 17;

/** Requests, and bytes of their bodies and of what these unpack to, that are computed in one batch. */
export const BATCH_REQUESTS = 64;
export const BATCH_BYTES = 2 * 2 ** 20;
/** A batch that takes longer is given up. */
export const COMPUTE_MS = 60_000;

/** A request must have arrived by then: first its headers, then all of it. */
export const HEADERS_MS = 15_000;
export const REQUEST_MS = 60_000;
/** A connection on which nothing has moved for so long is closed; answers that take longer say something meanwhile. */
export const IDLE_MS = 65_000;
export const KEEP_ALIVE_MS = 10_000;
/** More connections than this are turned away. */
export const MAX_CONNECTIONS = 10_000;
/** Connections that listen to events, and bytes that one of them may be behind. */
export const MAX_LISTENERS = 256;
export const MAX_BEHIND_BYTES = 4 * 2 ** 20;

/** How long a shutdown waits for what is under way. */
export const SHUTDOWN_MS = 10_000;
