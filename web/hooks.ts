/** Hooks that several views share: re-render on change, element size, loaded data. */
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

/** Calls its listeners after every change. `subscribe` returns a function that unsubscribes. */
export interface Subscribable {
  subscribe(listener: () => void): () => void;
}

/**
 * Re-renders the component when the source changes.
 * @param when `now`: at once; `frame`: in the next animation frame; `idle`: when the browser is idle, at most 100 ms
 * later. With `frame` and `idle`, several changes cause one render.
 */
export function useChanges(source: Subscribable, when: 'now' | 'frame' | 'idle' = 'now'): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (when === 'now') return source.subscribe(() => render(undefined));
    const { request, cancel } = SCHEDULES[when];
    let scheduled = 0;
    const stop = source.subscribe(() => {
      scheduled ||= request(() => {
        scheduled = 0;
        render(undefined);
      });
    });
    return () => {
      stop();
      cancel(scheduled);
    };
  }, [source, when]);
}

const FRAME = {
  request: (callback: () => void) => requestAnimationFrame(callback),
  cancel: (id: number) => cancelAnimationFrame(id),
};
const IDLE = {
  request: (callback: () => void) => requestIdleCallback(callback, { timeout: 100 }),
  cancel: (id: number) => cancelIdleCallback(id),
};
/** Browsers without `requestIdleCallback` use animation frames instead. */
const SCHEDULES = { frame: FRAME, idle: 'requestIdleCallback' in globalThis ? IDLE : FRAME };

/** Current width and height of an element in CSS pixels; 0 before the first layout. */
export function useSize<E extends Element>(): [RefObject<E | null>, { width: number; height: number }] {
  const element = useRef<E | null>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const measure = () => {
      const { width, height } = target.getBoundingClientRect();
      setSize((old) => (old.width === width && old.height === height ? old : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}

/**
 * Result of an asynchronous function. Calls `load` again when one of `inputs` changes and keeps the old value until the
 * new one arrives.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): { value: T | null; error: string | null; loading: boolean } {
  const [state, setState] = useState<{ value: T | null; error: string | null; loading: boolean }>({
    value: null,
    error: null,
    loading: true,
  });
  useEffect(() => {
    const controller = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    load(controller.signal).then(
      (value) => !controller.signal.aborted && setState({ value, error: null, loading: false }),
      (reason: unknown) => {
        if (controller.signal.aborted) return;
        const error = reason instanceof Error ? reason.message : String(reason);
        setState({ value: null, error, loading: false });
      },
    );
    return () => controller.abort();
  }, inputs);
  return state;
}
