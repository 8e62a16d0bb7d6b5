/**
 * The drawing canvas. Takes input from mouse, finger, pen and keyboard (arrow keys move the pen, space puts it down or
 * lifts it). Touches on the canvas draw; they do not scroll the page.
 */
import { useEffect, useRef } from 'preact/hooks';
import type { Ink, InkStroke } from './ink.js';
import { KeyboardPen } from './keyboard-pen.js';
import { InkPainter } from './painter.js';
import { PointerReader } from './pointer.js';

/** What the canvas shows and draws on: the session of a view. */
export interface InkSurface {
  readonly ink: Ink;
  /** Number of points shown in full; null: all. */
  readonly playhead: number | null;
  /** Strokes up to the playhead. */
  shownStrokes(): readonly InkStroke[];
  /** Called at the start of each event's handler. */
  penMoved(): void;
  /** Called when the canvas has another size, in CSS pixels: sets the size of the ink. */
  fit?(width: number, height: number): void;
  /** Called before the pen is put down. */
  strokeBegins?(): void;
  subscribe(listener: () => void): () => void;
}

export function InkCanvas({ session, label }: { session: InkSurface; label: string }) {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => attach(element.current as HTMLCanvasElement, session), [session]);
  return <canvas ref={element} class="ink" tabIndex={0} role="img" aria-label={label} />;
}

/** Connects the canvas to the session. @returns a function that disconnects it */
function attach(canvas: HTMLCanvasElement, session: InkSurface): () => void {
  const { ink } = session;
  const reader = new PointerReader(ink);
  const painter = new InkPainter(canvas, ink);
  const keys = new KeyboardPen(ink);
  const controller = new AbortController();
  const { signal } = controller;

  let frame = 0;
  const paint = () => {
    frame = 0;
    const style = getComputedStyle(canvas);
    const [color, ghost] = ['--ink', '--ghost'].map((name) => style.getPropertyValue(name));
    const strokes = ink.strokes;
    const growing = ink.isPenDown ? strokes[strokes.length - 1] : null;
    const shown = session.playhead === null ? strokes : session.shownStrokes();
    painter.paint(strokes, shown, growing, { ink: color, ghost });
    if (keys.shown) painter.paintCursor(keys.x, keys.y, keys.down, style.getPropertyValue('--training'));
  };
  const repaint = () => {
    frame ||= requestAnimationFrame(paint);
  };
  const fit = () => {
    const { width, height } = canvas.getBoundingClientRect();
    session.fit?.(width, height);
    canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
    paint();
  };

  const listen = <K extends keyof HTMLElementEventMap>(
    type: K,
    react: (event: HTMLElementEventMap[K]) => void,
  ) => canvas.addEventListener(type, react, { signal });
  listen('pointerdown', (event) => {
    session.penMoved();
    if (!reader.down(event, canvas.getBoundingClientRect(), () => session.strokeBegins?.())) return;
    keys.hide();
    canvas.setPointerCapture(event.pointerId);
  });
  listen('pointermove', (event) => {
    session.penMoved();
    reader.move(event, canvas.getBoundingClientRect());
  });
  listen('pointerup', (event) => reader.up(event));
  listen('pointercancel', (event) => reader.cancel(event));
  listen('lostpointercapture', (event) => reader.up(event));
  // A long press draws; it must not open the context menu.
  listen('contextmenu', (event) => event.preventDefault());
  listen('keydown', (event) => {
    session.penMoved();
    if (event.key === ' ' && !ink.isPenDown) session.strokeBegins?.();
    if (keys.press(event)) event.preventDefault();
    repaint();
  });
  listen('blur', () => {
    keys.hide();
    repaint();
  });

  const stop = session.subscribe(repaint);
  const observer = new ResizeObserver(fit);
  observer.observe(canvas);
  const themes = new MutationObserver(repaint);
  themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint, { signal });
  return () => {
    controller.abort();
    stop();
    observer.disconnect();
    themes.disconnect();
    cancelAnimationFrame(frame);
    ink.end();
  };
}
