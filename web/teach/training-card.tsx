/** The training in the background: what it does, the curve, the time left, pause and continue. */
import { linearScale } from '#src/report/charts/chart.js';
import { formatShare, plural } from '#src/report/text.js';
import { LineChart } from '../charts/line-chart.js';
import { useChanges } from '../hooks.js';
import { PauseIcon, PlayIcon } from '../icons.js';
import { LEAST_DRAWINGS } from './project/background-training.js';
import { countsOf } from './project/edits.js';
import type { TeachSession } from './project/teach-session.js';

export function TrainingCard({ session }: { session: TeachSession }) {
  useChanges(session, 'frame');
  const { training } = session;
  const { state, progress, curve, problem } = training;
  return (
    <section class="card training" aria-label="The network" data-state={state}>
      <header>
        <h2>The network</h2>
        {(state === 'running' || state === 'waiting') && (
          <button type="button" onClick={() => training.pause()}>
            <PauseIcon />
            Pause
          </button>
        )}
        {state === 'paused' && (
          <button type="button" onClick={() => training.continue()}>
            <PlayIcon />
            Continue
          </button>
        )}
        {state === 'failed' && (
          <button type="button" onClick={() => training.again()}>
            Try again
          </button>
        )}
      </header>
      <p class="muted" role="status">
        {statusOf(session)}
      </p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {progress && (state === 'running' || state === 'paused') && (
        <progress value={progress.epoch} max={progress.epochs} aria-label="Training" />
      )}
      {curve.length > 1 && progress && (
        <figure>
          <figcaption>Right answers while it practises, over passes through the drawings</figcaption>
          <LineChart
            lines={[{ name: 'right', color: 'var(--training)', points: thinned(curve) }]}
            domain={[0, progress.epochs]}
            scale={linearScale(Math.max(0, Math.min(...curve.map(([, share]) => share)) - 0.02), 1, 4)}
            format={(value) => formatShare(value, 0)}
            label={`Share of right answers over ${plural(progress.epochs, 'pass')}: now ${formatShare(progress.accuracy, 0)}`}
          />
        </figure>
      )}
    </section>
  );
}

/** One sentence about what happens now. */
function statusOf({ training, desk }: TeachSession): string {
  const { state, progress } = training;
  if (state === 'running') {
    if (progress === null) return 'Begins …';
    return `Practises on varied copies of your drawings: pass ${Math.min(progress.epochs, Math.floor(progress.epoch) + 1)} of ${progress.epochs}, ${timeLeft(progress.secondsLeft)}.`;
  }
  if (state === 'waiting') return 'Training begins when you have stopped for a moment.';
  if (state === 'paused') return 'Paused. Answers come from what is there.';
  if (state === 'failed') return 'The training has failed.';
  if (desk.network?.isCurrent) {
    const { drawings, classes } = desk.network.summary;
    return `Taught with all ${plural(drawings, 'drawing')} of ${plural(classes.length, 'symbol')}. It learns again by itself when you change them.`;
  }
  const few = desk.lesson.classes.filter(({ id }) => (countsOf(desk.lesson).get(id) ?? 0) < LEAST_DRAWINGS);
  return few.length > 0
    ? `Training begins when two symbols have ${LEAST_DRAWINGS} drawings each.`
    : 'Training begins when there are two symbols.';
}

function timeLeft(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'time left unknown';
  if (seconds < 1) return 'nearly done';
  if (seconds < 90) return `about ${Math.ceil(seconds)} s left`;
  return `about ${Math.ceil(seconds / 60)} minutes left`;
}

/** At most about 200 points, the last among them. */
function thinned<T>(points: readonly T[]): T[] {
  const every = Math.ceil(points.length / 200);
  return points.filter((_, n) => n % every === 0 || n === points.length - 1);
}
