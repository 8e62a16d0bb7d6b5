/** Bar chart of probabilities, one bar per class, in the class's colour. */
import { isNone } from '#src/recognize/guess-name.js';
import { shownNames } from './class-name.js';
import { classHue } from './classes.js';

/** With more classes than this, only the likeliest get a bar. */
const MAX_BARS = 16;

interface BarsProps {
  classes: readonly string[];
  probabilities: Float32Array | null;
  best: number | null;
}

/** One bar per class, in class order. Hidden from screen readers, which read the verdict instead. */
export function Bars({ classes, probabilities, best }: BarsProps) {
  const shown = classesToShow(classes.length, probabilities);
  const names = shownNames(classes);
  return (
    <ol class="bars" aria-hidden="true">
      {shown.map((k) => (
        <li
          key={k}
          class={`${k === best ? 'best' : ''}${isNone(classes[k]) ? ' none' : ''}`}
          data-class={classes[k]}
        >
          <span class="track">
            <span
              class="bar"
              data-probability={probabilities?.[k]}
              style={{ '--share': probabilities?.[k] ?? 0, '--hue': classHue(k, classes.length) }}
            />
          </span>
          <bdi class="name">{names[k]}</bdi>
        </li>
      ))}
    </ol>
  );
}

function classesToShow(count: number, probabilities: Float32Array | null): number[] {
  const all = Array.from({ length: count }, (_, k) => k);
  if (count <= MAX_BARS) return all;
  if (!probabilities) return all.slice(0, MAX_BARS);
  return all
    .sort((a, b) => probabilities[b] - probabilities[a])
    .slice(0, MAX_BARS)
    .sort((a, b) => a - b);
}
