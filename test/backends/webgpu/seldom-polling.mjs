/**
 * For processes that open a GPU which computes on the processor. While a GPU works, Dawn asks it in every turn of the
 * event loop whether it is ready, by setImmediate, and so takes a whole core from it. Imported, this file lets Dawn ask
 * once a millisecond. Other calls of setImmediate stay as they are: only Dawn's callback is a native function.
 */
const { setImmediate } = globalThis;
const POLL_MS = 1;

globalThis.setImmediate = (callback, ...args) => {
  const isNative = /\[native code\]/.test(Function.prototype.toString.call(callback));
  return isNative ? setTimeout(callback, POLL_MS, ...args) : setImmediate(callback, ...args);
};
