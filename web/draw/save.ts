/** Downloads the drawing and the networks' answers as JSON. `scanstroke predict` and the server read this file. */
import type { DrawSession } from './draw-session.js';

export function saveDrawing(session: DrawSession): void {
  offerFile('drawing.json', drawingJson(session));
}

/** Downloads JSON as a file. */
export function offerFile(name: string, json: string): void {
  const url = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** All strokes, with the answers to them. */
export function drawingJson(session: DrawSession): string {
  const { strokes } = session.ink;
  const answers = session.lastMoment()?.answers ?? [];
  return JSON.stringify({
    strokes: strokes.map(({ xs, ys, times }) => ({ x: xs, y: ys, t: times.map(Math.round) })),
    answers: answers.map(({ model, probabilities }) => ({
      model,
      classes: session.entry(model).classes,
      probabilities: probabilities && Array.from(probabilities),
    })),
  });
}
