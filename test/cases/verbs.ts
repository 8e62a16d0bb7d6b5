/** What the table of cases calls: a backend whose verbs may take a while, as those of a GPU do. */
import type { Backend, DeviceBackend } from '#src/backends/backend.js';
import type { KernelProbe } from '#src/backends/kernel-probe.js';

/** The same methods, of which those that return nothing or a number may promise it. */
type Awaitable<Methods> = {
  [Name in keyof Methods]: Methods[Name] extends (...args: infer Arguments) => infer Result
    ? (...args: Arguments) => Result | Promise<Result>
    : never;
};

/** Methods of a backend that compute nothing: they never take a while. */
type Memory =
  | 'name'
  | 'description'
  | 'multipliesBfloat16'
  | 'allocate'
  | 'allocateInts'
  | 'release'
  | 'handle'
  | 'close'
  | 'lstmPanelsLength'
  | 'lstmScratchLength'
  | 'linearScratchLength';

/** The verbs on buffers of the host's memory, as every `Backend` has them, and kernels that backends have for tests. */
export type Verbs = Pick<Backend, Exclude<Memory, 'name' | 'multipliesBfloat16' | 'handle' | 'close'>> &
  Awaitable<Omit<Backend, Memory>> &
  Partial<Awaitable<KernelProbe>>;

/** What a classifier computes on. */
export type AnyBackend = Backend | DeviceBackend;
