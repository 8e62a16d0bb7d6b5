/**
 * The chart of probabilities over the points of the drawing, with a slider and a replay button. The ink, the bars and
 * the network's input follow the slider.
 */

import { useEffect, useState } from 'preact/hooks';
import type { ModelEntry } from '#src/serve/api.js';
import { isolated, shownNames } from '../charts/class-name.js';
import { formatChance, verdictOf } from '../charts/classes.js';
import { StackChart } from '../charts/stack-chart.js';
import { PauseIcon, PlayIcon } from '../icons.js';
import type { DrawSession } from './draw-session.js';
import type { InkStroke } from './ink.js';

/** A replay shortens longer pauses to this. */
const MAX_PAUSE_MS = 160;

export function Replay({ session, sureFrom }: { session: DrawSession; sureFrom: number }) {
  const { strokes, pointCount } = session.ink;
  const [playing, setPlaying] = useState(false);
  useEffect(() => (playing ? play(session, () => setPlaying(false)) : undefined), [playing, session]);
  useEffect(() => setPlaying(false), [strokes.length === 0, session.ink.isPenDown]);

  const at = session.playhead ?? pointCount;
  const chosen = session.chosen.map((id) => session.entry(id));
  const moments = session.moments();
  const disabled = pointCount < 2;
  return (
    <section class="card replay" aria-label="Probability over the points of the drawing">
      <header>
        <div>
          <h2>How the answer changed</h2>
          <p class="muted">Probability of each class after each point of the drawing.</p>
        </div>
        <output class="muted">{pointCount === 0 ? '' : `point ${at} of ${pointCount}`}</output>
        <button
          type="button"
          class="round"
          disabled={disabled}
          aria-label={playing ? 'Pause' : 'Replay the drawing'}
          title={playing ? 'Pause' : 'Replay the drawing'}
          onClick={() => setPlaying(!playing)}
        >
          {playing ? <PauseIcon /> : <PlayIcon />}
        </button>
      </header>
      {chosen.map((model) => (
        <figure key={model.id}>
          {chosen.length > 1 && <figcaption>{model.name}</figcaption>}
          <StackChart
            points={moments.map(({ points, answers }) => ({
              at: points,
              probabilities: answers.find((answer) => answer.model === model.id)?.probabilities ?? null,
            }))}
            classes={model.classes}
            domain={[1, Math.max(2, pointCount)]}
            cursor={disabled ? null : at}
            marks={strokeStarts(strokes)}
            label={`${model.name}: ${answerText(session, model, at, sureFrom)}`}
          >
            {pointCount === 0 && <p class="nothing">The chart grows while you draw.</p>}
          </StackChart>
        </figure>
      ))}
      <input
        type="range"
        class="timeline"
        style={{ '--done': disabled ? 0 : (at - 1) / (pointCount - 1) }}
        min={1}
        max={Math.max(2, pointCount)}
        value={Math.max(1, at)}
        disabled={disabled}
        aria-label="Point of the drawing"
        aria-valuetext={
          chosen[0] && `point ${at} of ${pointCount}: ${answerText(session, chosen[0], at, sureFrom)}`
        }
        onInput={(event) => {
          setPlaying(false);
          session.seek(Number((event.target as HTMLInputElement).value));
        }}
      />
    </section>
  );
}

/** Moves the playhead at the speed of the pen. @returns a function that stops it */
function play(session: DrawSession, ended: () => void): () => void {
  const times = penTimes(session.ink.strokes);
  const from = session.playhead === null ? 0 : session.playhead - 1;
  let frame = 0;
  let startedAt: number | null = null;
  const showFrame = (now: number) => {
    startedAt ??= now;
    const time = times[from] + now - startedAt;
    let points = from + 1;
    while (points < times.length && times[points] <= time) points++;
    session.seek(points);
    if (points < times.length) frame = requestAnimationFrame(showFrame);
    else ended();
  };
  frame = requestAnimationFrame(showFrame);
  return () => cancelAnimationFrame(frame);
}

/** [points] time of each point in milliseconds since the first, with long pauses shortened. */
function penTimes(strokes: readonly InkStroke[]): number[] {
  const times = strokes.flatMap((stroke) => stroke.times);
  let now = 0;
  return times.map((time, n) => {
    if (n > 0) now += Math.min(MAX_PAUSE_MS, Math.max(0, time - times[n - 1]));
    return now;
  });
}

/** The points at which the second and later strokes begin, counted from 1. */
function strokeStarts(strokes: readonly InkStroke[]): number[] {
  let points = 0;
  return strokes.slice(0, -1).map(({ xs }) => {
    points += xs.length;
    return points + 1;
  });
}

/** For screen readers: `7, 98 %` or `not sure, perhaps 7, 41 %`. */
function answerText(session: DrawSession, model: ModelEntry, at: number, sureFrom: number): string {
  const moment = session.moments().findLast(({ points }) => points <= at);
  const probabilities = moment?.answers.find((answer) => answer.model === model.id)?.probabilities;
  if (!probabilities) return 'nothing to recognise yet';
  const { top, unsure } = verdictOf(probabilities, sureFrom);
  return `${unsure ? 'not sure, perhaps ' : ''}${isolated(shownNames(model.classes)[top[0]])}, ${formatChance(probabilities[top[0]])}`;
}
