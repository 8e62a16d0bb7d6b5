/**
 * The inside of a network for one input: the answer after each step, the hidden states over the steps, and the
 * influence of each part of the input on the answer. One slider selects the step in all charts.
 */
import { useState } from 'preact/hooks';
import { ClassName, isolated, shownNames } from '../charts/class-name.js';
import { formatChance, verdictOf } from '../charts/classes.js';
import { HeatMap } from '../charts/heat-map.js';
import { Pixels, Strokes } from '../charts/pictures.js';
import { StackChart } from '../charts/stack-chart.js';
import '../style/inside.css';

/** One network reading one input: from the worker (a drawing) or from the server (a sample). */
export interface Reading {
  classes: readonly string[];
  /** [K] */
  probabilities: Float32Array;
  /** The image that was read; null for strokes. */
  picture: { pixels: Uint8Array; width: number; height: number } | null;
  /** `rows`, `columns` or `both`: the order in which the image was read; null for permuted pixels. */
  scan: string | null;
  /** [N, 4] the moves that were read; null for an image. */
  moves: ArrayLike<number> | null;
  /** T */
  steps: number;
  /** U */
  units: number;
  /** [T, U] */
  hidden: Float32Array;
  /** Names of the groups of units, one per layer and direction. */
  groups: readonly string[];
  inputSize: number;
  /** [T, I] gradient of the answer's cross-entropy. */
  inputGradient: Float32Array;
  /** [height, width] for an image; null for strokes. */
  pixelGradient: Float32Array | null;
  /** [M] steps after which `trace` has an answer. */
  moments: ArrayLike<number>;
  /** [M][K] probabilities if the input ended after that step; all 0: nothing to recognise yet. */
  trace: readonly ArrayLike<number>[];
}

export function Inside({ reading }: { reading: Reading }) {
  const { steps, units, hidden, groups, moments, trace, probabilities } = reading;
  const classes = shownNames(reading.classes);
  /** Null: the end, also of an input that has grown. */
  const [step, setStep] = useState<number | null>(null);
  const at = Math.min(step ?? steps, steps);
  const answer = trace[Math.max(0, lastMomentAt(moments, at))];
  const best = verdictOf(probabilities, 0).top[0];
  return (
    <div class="inside">
      <figure class="read">
        <InputSoFar reading={reading} upTo={at} />
        <figcaption>
          read up to step {at} of {steps}
        </figcaption>
      </figure>
      <figure class="influence">
        <Influence reading={reading} />
        <figcaption>
          influence on the answer <ClassName name={classes[best]} />:{' '}
          {reading.moves ? (
            <span class="warm">larger circle, more influence</span>
          ) : (
            <>
              more ink makes it <span class="warm">less</span> or <span class="cool">more</span> likely
            </>
          )}
        </figcaption>
      </figure>
      <div class="times">
        <figure>
          <figcaption>
            Answer if the input ended here: <b>{answer ? answerText(answer, classes) : 'none yet'}</b>
          </figcaption>
          <StackChart
            points={Array.from(moments, (moment, n) => ({
              at: moment,
              probabilities: isBlank(trace[n]) ? null : trace[n],
            }))}
            classes={classes}
            domain={[1, Math.max(2, steps)]}
            cursor={at}
            label={`Probabilities over ${steps} steps; after step ${at}: ${answer ? answerText(answer, classes) : 'none yet'}`}
          />
        </figure>
        <figure>
          <figcaption>
            Hidden states of {units} units: <span class="warm">positive</span>,{' '}
            <span class="cool">negative</span>
          </figcaption>
          <HeatMap
            values={hidden}
            steps={steps}
            units={units}
            groups={groups}
            cursor={at - 1}
            label={`Hidden states of ${units} units over ${steps} steps`}
          />
        </figure>
        <input
          type="range"
          class="timeline"
          style={{ '--done': (at - 1) / Math.max(1, steps - 1) }}
          min={1}
          max={Math.max(2, steps)}
          value={at}
          disabled={steps < 2}
          aria-label="Step"
          aria-valuetext={`step ${at} of ${steps}${answer ? `: ${answerText(answer, classes)}` : ''}`}
          onInput={(event) => {
            const chosen = Number((event.target as HTMLInputElement).value);
            setStep(chosen < steps ? chosen : null);
          }}
        />
      </div>
    </div>
  );
}

/** Names of the groups of units in the order of the hidden states: by layer, forward before backward. */
export function groupNames(layers: number, bidirectional: boolean): string[] {
  return Array.from({ length: layers }, (_, layer) => {
    const name = layers > 1 ? `layer ${layer + 1}` : '';
    return bidirectional ? [`${name} forward`.trim(), `${name} backward`.trim()] : [name];
  }).flat();
}

function InputSoFar({ reading, upTo }: { reading: Reading; upTo: number }) {
  const { picture, moves, steps, scan } = reading;
  if (moves) return <Strokes moves={moves} label="The strokes read so far" upTo={upTo} />;
  if (!picture) return null;
  // A step is one or more rows or columns, or both, unless it is a part of one.
  const [isOfRows, isOfColumns] = ['rows', 'columns'].map((each) => scan === each || scan === 'both');
  const [rows, columns] = [picture.height / steps, picture.width / steps];
  const first = (is: boolean, lines: number) => (is && Number.isInteger(lines) ? (upTo - 1) * lines : -1);
  return (
    <Pixels
      {...picture}
      row={first(isOfRows, rows)}
      rows={rows}
      column={first(isOfColumns, columns)}
      columns={columns}
      label="The picture; lines mark the pixels that are read"
    />
  );
}

function Influence({ reading }: { reading: Reading }) {
  const { picture, moves, pixelGradient, inputGradient, inputSize, steps } = reading;
  const label = 'Influence of each part of the input on the answer';
  if (moves)
    return <Strokes moves={moves} label={label} weights={stepWeights(inputGradient, steps, inputSize)} />;
  return picture && <Pixels {...picture} label={label} overlay={pixelGradient} />;
}

/** [T] norm of each step's gradient, divided by the largest. */
function stepWeights(gradient: Float32Array, steps: number, inputSize: number): Float32Array {
  const weights = Float32Array.from({ length: steps }, (_, t) =>
    Math.hypot(...gradient.subarray(t * inputSize, (t + 1) * inputSize)),
  );
  const largest = weights.reduce((a, b) => Math.max(a, b), 0) || 1;
  return weights.map((weight) => weight / largest);
}

/** Index of the last moment up to a step; −1 if there is none. */
function lastMomentAt(moments: ArrayLike<number>, step: number): number {
  let found = -1;
  for (let n = 0; n < moments.length && moments[n] <= step; n++) found = n;
  return found;
}

/** Whether there was nothing to recognise yet: all probabilities are 0. */
function isBlank(probabilities: ArrayLike<number>): boolean {
  return Array.from(probabilities).every((value) => value === 0);
}

function answerText(probabilities: ArrayLike<number>, classes: readonly string[]): string {
  if (isBlank(probabilities)) return 'none yet';
  const { top } = verdictOf(Float32Array.from(probabilities), 0);
  return `${isolated(classes[top[0]])}, ${formatChance(probabilities[top[0]])}`;
}
