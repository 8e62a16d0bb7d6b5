/** Hooks that several views share: re-render on change, element size, loaded data. */
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { connection } from './connection.js';

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

/** Result of an asynchronous function, and a function that calls it again. */
export interface Loaded<T> {
  value: T | null;
  error: string | null;
  loading: boolean;
  reload(): void;
}

/**
 * Result of an asynchronous function. Calls `load` again when one of `inputs` changes and keeps the old value until the
 * new one arrives. After an error, `load` is also called when the connection to the server is back.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>({ value: null, error: null, loading: true });
  const [attempt, reload] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const controller = new AbortController();
    // After an error the new attempt is shown as such; a value stays until the new one arrives.
    setState((old) => ({ value: old.value, error: null, loading: true }));
    load(controller.signal).then(
      (value) => !controller.signal.aborted && setState({ value, error: null, loading: false }),
      (reason: unknown) => {
        if (controller.signal.aborted) return;
        setState({ value: null, error: messageOf(reason), loading: false });
      },
    );
    return () => controller.abort();
  }, [...inputs, attempt]);
  const hasFailed = state.error !== null;
  useEffect(() => {
    if (!hasFailed) return;
    return connection.subscribe(() => !connection.lost && reload(undefined));
  }, [hasFailed]);
  return { ...state, reload: () => reload(undefined) };
}

/** Seconds since the component was first rendered, counted by the second. */
export function useSeconds(): number {
  const [seconds, count] = useReducer((before: number) => before + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => count(undefined), 1000);
    return () => clearInterval(timer);
  }, []);
  return seconds;
}

/** Sets the title of the document: the parts, most specific first, and the page's name. */
export function useTitle(...parts: readonly string[]): void {
  const title = [...parts, 'scanstroke'].join(' – ');
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** The message of anything that was thrown. */
export function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
