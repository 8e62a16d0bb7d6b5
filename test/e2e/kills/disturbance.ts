/** How a run is disturbed, and the text by which the harness tells it to the process (file-hook.ts). */

/** `SIGINT twice` is Ctrl-C pressed twice. */
export const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGINT twice'] as const;
export type Signal = (typeof SIGNALS)[number];

/** `within` a write: half of its bytes are written. For other operations the same as `before`. */
export const SIDES = ['before', 'within', 'after'] as const;
export type Side = (typeof SIDES)[number];

export const FAULTS = ['ENOSPC', 'EIO', 'EACCES'] as const;
export type Fault = (typeof FAULTS)[number];

/** Operations that change files, as file-hook.ts counts them. */
export const OPERATIONS = ['open', 'write', 'sync', 'rename', 'link', 'mkdir', 'truncate', 'remove'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Operations that fail with an error; of the others, scanstroke may ignore a failure. */
export const FAILING: Record<Fault, readonly Operation[]> = {
  ENOSPC: ['open', 'write', 'sync', 'rename', 'mkdir'],
  EIO: ['open', 'write', 'sync', 'rename', 'mkdir'],
  EACCES: ['open', 'rename', 'mkdir'],
};

/** What file-hook.ts does: a signal at the operation of this number, or a fault at the n-th that can fail so. */
export type HookOrder =
  | { what: 'signal'; at: number; side: Side; signal: Exclude<Signal, 'SIGINT twice'> }
  | { what: 'fault'; at: number; fault: Fault; forever: boolean };

export function hookOrderText(order: HookOrder): string {
  return order.what === 'signal'
    ? `signal ${order.at} ${order.side} ${order.signal}`
    : `fault ${order.at} ${order.fault} ${order.forever ? 'forever' : 'once'}`;
}

/** @throws Error if the text is none of hookOrderText's */
export function parseHookOrder(text: string): HookOrder {
  const [what, number, third, fourth] = text.split(' ');
  const at = Number(number);
  if (what === 'signal') {
    const side = SIDES.find((each) => each === third);
    const signal = SIGNALS.find((each) => each === fourth);
    if (at > 0 && side && signal && signal !== 'SIGINT twice') return { what, at, side, signal };
  }
  if (what === 'fault') {
    const fault = FAULTS.find((each) => each === third);
    if (at > 0 && fault) return { what, at, fault, forever: fourth === 'forever' };
  }
  throw new Error(`not an order of the kill harness: ${text}`);
}
