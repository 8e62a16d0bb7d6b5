/**
 * The chart in which one sees the network change its mind as the pen goes, and the slider that goes back in time: the
 * ink, the bars and what the network sees follow it.
 */

import { useEffect, useState } from 'preact/hooks';
import type { ModelEntry } from '#src/serve/api.js';
import { formatChance, verdictOf } from '../charts/classes.js';
import { StackChart } from '../charts/stack-chart.js';
import { PauseIcon, PlayIcon } from '../icons.js';
import type { DrawSession } from './draw-session.js';
import type { InkStroke } from './ink.js';

/** A pause between strokes is not waited through. */
const MAX_PAUSE_MS = 160;

export function Replay({ session, sureFrom }: { session: DrawSession; sureFrom: number }) {
  const { strokes, count } = session.ink;
  const [playing, setPlaying] = useState(false);
  useEffect(() => (playing ? play(session, () => setPlaying(false)) : undefined), [playing, session]);
  useEffect(() => setPlaying(false), [strokes.length === 0, session.ink.drawing]);

  const at = session.playhead ?? count;
  const chosen = session.chosen.map((id) => session.entry(id));
  const moments = session.moments();
  const disabled = count < 2;
  return (
    <section class="card replay" aria-label="Probability over pen time">
      <header>
        <div>
          <h2>How it made up its mind</h2>
          <p class="muted">The probability of each class, point by point of the pen.</p>
        </div>
        <output class="muted">{count === 0 ? '' : `${at} of ${count}`}</output>
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
            domain={[1, Math.max(2, count)]}
            cursor={disabled ? null : at}
            marks={strokeStarts(strokes)}
            label={`${model.name}: ${spoken(session, model, at, sureFrom)}`}
          >
            {count === 0 && <p class="nothing">The chart grows while you draw.</p>}
          </StackChart>
        </figure>
      ))}
      <input
        type="range"
        class="timeline"
        style={{ '--done': disabled ? 0 : (at - 1) / (count - 1) }}
        min={1}
        max={Math.max(2, count)}
        value={Math.max(1, at)}
        disabled={disabled}
        aria-label="Point of the pen"
        aria-valuetext={chosen[0] && `point ${at} of ${count}: ${spoken(session, chosen[0], at, sureFrom)}`}
        onInput={(event) => {
          setPlaying(false);
          session.seek(Number((event.target as HTMLInputElement).value));
        }}
      />
    </section>
  );
}

/** Moves the playhead as fast as the pen went. @returns stops */
function play(session: DrawSession, ended: () => void): () => void {
  const times = penTimes(session.ink.strokes);
  const from = session.playhead === null ? 0 : session.playhead - 1;
  let frame = 0;
  let began: number | null = null;
  const step = (now: number) => {
    began ??= now;
    const time = times[from] + now - began;
    let points = from + 1;
    while (points < times.length && times[points] <= time) points++;
    session.seek(points);
    if (points < times.length) frame = requestAnimationFrame(step);
    else ended();
  };
  frame = requestAnimationFrame(step);
  return () => cancelAnimationFrame(frame);
}

/** [points] milliseconds since the first, without long pauses. */
function penTimes(strokes: readonly InkStroke[]): number[] {
  const times = strokes.flatMap((stroke) => stroke.times);
  let now = 0;
  return times.map((time, n) => {
    if (n > 0) now += Math.min(MAX_PAUSE_MS, Math.max(0, time - times[n - 1]));
    return now;
  });
}

/** Points at which the second stroke begins, the third … */
function strokeStarts(strokes: readonly InkStroke[]): number[] {
  let points = 0;
  return strokes.slice(0, -1).map(({ xs }) => {
    points += xs.length;
    return points + 1;
  });
}

/** `probably 7, 98 %` */
function spoken(session: DrawSession, model: ModelEntry, at: number, sureFrom: number): string {
  const moment = session.moments().findLast(({ points }) => points <= at);
  const probabilities = moment?.answers.find((answer) => answer.model === model.id)?.probabilities;
  if (!probabilities) return 'nothing to recognise yet';
  const { top, unsure } = verdictOf(probabilities, sureFrom);
  return `${unsure ? 'not sure, perhaps ' : ''}${model.classes[top[0]]}, ${formatChance(probabilities[top[0]])}`;
}
