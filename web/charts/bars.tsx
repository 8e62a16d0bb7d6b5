/** Probabilities as columns, one a class, in the class's colour. */
import { classHue } from './classes.js';

/** More classes than this are too many for a column each: only the likeliest get one. */
const MAX_COLUMNS = 16;

interface BarsProps {
  classes: readonly string[];
  probabilities: Float32Array | null;
  best: number | null;
}

/** A column for every class, always in the same place. For screen readers the verdict says it all. */
export function Bars({ classes, probabilities, best }: BarsProps) {
  const shown = columnsOf(classes.length, probabilities);
  return (
    <ol class="bars" aria-hidden="true">
      {shown.map((k) => (
        <li key={k} class={k === best ? 'best' : ''} data-class={classes[k]}>
          <span class="track">
            <span
              class="bar"
              data-probability={probabilities?.[k]}
              style={{ '--share': probabilities?.[k] ?? 0, '--hue': classHue(k, classes.length) }}
            />
          </span>
          <span class="name">{classes[k]}</span>
        </li>
      ))}
    </ol>
  );
}

function columnsOf(count: number, probabilities: Float32Array | null): number[] {
  const all = Array.from({ length: count }, (_, k) => k);
  if (count <= MAX_COLUMNS) return all;
  if (!probabilities) return all.slice(0, MAX_COLUMNS);
  return all
    .sort((a, b) => probabilities[b] - probabilities[a])
    .slice(0, MAX_COLUMNS)
    .sort((a, b) => a - b);
}
