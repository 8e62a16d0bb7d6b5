/**
 * Inside a network while it reads: what it would answer after each step, its hidden states over time, and which of the
 * steps mattered. One slider moves through all of it.
 */
import { useState } from 'preact/hooks';
import { formatChance, verdictOf } from '../charts/classes.js';
import { HeatMap } from '../charts/heat-map.js';
import { Pixels, Strokes } from '../charts/pictures.js';
import { StackChart } from '../charts/stack-chart.js';
import '../style/inside.css';

/** One reading, from the worker or from the server. */
export interface Reading {
  classes: readonly string[];
  /** [K] */
  probabilities: Float32Array;
  /** What was read row by row, or null. */
  picture: { pixels: Uint8Array; width: number; height: number } | null;
  /** [N, 4] strokes that were read, or null. */
  rows: ArrayLike<number> | null;
  /** T */
  steps: number;
  units: number;
  /** [T, U] */
  hidden: Float32Array;
  /** The units' groups: layers and directions. */
  groups: readonly string[];
  inputSize: number;
  /** [T, I] */
  inputGradient: Float32Array;
  /** [height, width] if a picture was read. */
  pixelGradient: Float32Array | null;
  /** [M] and [M][K] */
  moments: ArrayLike<number>;
  trace: readonly ArrayLike<number>[];
}

export function Inside({ reading }: { reading: Reading }) {
  const { classes, steps, units, hidden, groups, moments, trace, probabilities } = reading;
  const [step, setStep] = useState(steps);
  const at = Math.min(step, steps);
  const answer = trace[Math.max(0, lastAt(moments, at))];
  const best = verdictOf(probabilities, 0).top[0];
  return (
    <div class="inside">
      <figure class="read">
        <Read reading={reading} upTo={at} />
        <figcaption>
          read up to step {at} of {steps}
        </figcaption>
      </figure>
      <figure class="mattered">
        <Mattered reading={reading} />
        <figcaption>
          what mattered for {classes[best]}:{' '}
          {reading.rows ? (
            <span class="warm">the broader, the more</span>
          ) : (
            <>
              more ink <span class="warm">hurts</span>, <span class="cool">helps</span>
            </>
          )}
        </figcaption>
      </figure>
      <div class="times">
        <figure>
          <figcaption>
            If it ended here: <b>{answer ? said(answer, classes) : 'nothing yet'}</b>
          </figcaption>
          <StackChart
            points={Array.from(moments, (moment, n) => ({
              at: moment,
              probabilities: blank(trace[n]) ? null : trace[n],
            }))}
            classes={classes}
            domain={[1, Math.max(2, steps)]}
            cursor={at}
            label={`Probabilities over ${steps} steps; after step ${at}: ${answer ? said(answer, classes) : 'nothing'}`}
          />
        </figure>
        <figure>
          <figcaption>
            Hidden state, {units} units: <span class="warm">above zero</span>, <span class="cool">below</span>
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
          aria-valuetext={`step ${at} of ${steps}${answer ? `: ${said(answer, classes)}` : ''}`}
          onInput={(event) => setStep(Number((event.target as HTMLInputElement).value))}
        />
      </div>
    </div>
  );
}

/** The names of the groups of units, from the top: layer by layer, forward then backward. */
export function groupNames(layers: number, bidirectional: boolean): string[] {
  return Array.from({ length: layers }, (_, layer) => {
    const name = layers > 1 ? `layer ${layer + 1}` : '';
    return bidirectional ? [`${name} forward`.trim(), `${name} backward`.trim()] : [name];
  }).flat();
}

function Read({ reading, upTo }: { reading: Reading; upTo: number }) {
  const { picture, rows, steps } = reading;
  if (rows) return <Strokes rows={rows} label="The strokes as they are read" upTo={upTo} />;
  if (!picture) return null;
  const row = steps === picture.height ? upTo - 1 : null;
  return <Pixels {...picture} row={row} label="The picture as it is read, row by row" />;
}

function Mattered({ reading }: { reading: Reading }) {
  const { picture, rows, pixelGradient, inputGradient, inputSize, steps } = reading;
  const label = 'Which parts mattered for the answer';
  if (rows)
    return <Strokes rows={rows} label={label} weights={stepWeights(inputGradient, steps, inputSize)} />;
  return picture && <Pixels {...picture} label={label} overlay={pixelGradient} />;
}

/** [T] length of each step's gradient, the largest is 1. */
function stepWeights(gradient: Float32Array, steps: number, inputSize: number): Float32Array {
  const weights = Float32Array.from({ length: steps }, (_, t) =>
    Math.hypot(...gradient.subarray(t * inputSize, (t + 1) * inputSize)),
  );
  const largest = weights.reduce((a, b) => Math.max(a, b), 0) || 1;
  return weights.map((weight) => weight / largest);
}

/** Which moment is the last up to a step; −1 if none is. */
function lastAt(moments: ArrayLike<number>, step: number): number {
  let found = -1;
  for (let n = 0; n < moments.length && moments[n] <= step; n++) found = n;
  return found;
}

/** There was nothing to recognise yet. */
function blank(probabilities: ArrayLike<number>): boolean {
  return Array.from(probabilities).every((value) => value === 0);
}

function said(probabilities: ArrayLike<number>, classes: readonly string[]): string {
  if (blank(probabilities)) return 'nothing yet';
  const { top } = verdictOf(Float32Array.from(probabilities), 0);
  return `${classes[top[0]]}, ${formatChance(probabilities[top[0]])}`;
}
