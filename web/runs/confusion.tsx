/** The confusion matrix. Each number links to its samples. */

import { rampShade, STRONG_SHADE } from '#src/report/palette.js';
import { classRecalls, mistakeCount, worstConfusion } from '#src/report/recall.js';
import { formatShare, plural } from '#src/report/text.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import { ClassName, isolated, shownNames } from '../charts/class-name.js';
import { linkTo } from '../route.js';
import { WideTable } from '../wide-table.js';

interface ConfusionProps {
  run: string;
  summary: RunSummary;
  /** Whether the numbers link to samples: the run has a checkpoint. */
  hasSamples: boolean;
}

export function Confusion({ run, summary, hasSamples }: ConfusionProps) {
  const { confusionMatrix: matrix, classes } = summary;
  const mistakes = mistakeCount(matrix);
  const worst = worstConfusion(matrix);
  const recalls = classRecalls(matrix, classes);
  const shown = shownNames(classes);
  const names = matrix.map((_, label) => shown[label] ?? String(label));
  const isLong = names.some((name) => [...name].length > 3);
  const size = `${isLong ? ' long-names' : ''}${names.length > 20 ? ' dense' : ''}`;
  return (
    <section class="card" aria-label="Confusion matrix">
      <h2>{plural(mistakes, 'mistake')} on the test samples</h2>
      <p class="muted">
        {worst && (
          <>
            The most frequent mistake: <ClassName name={names[worst.label]} /> was recognised as{' '}
            <ClassName name={names[worst.predicted]} />.{' '}
          </>
        )}
        {hasSamples && 'A number opens its samples.'}
      </p>
      <WideTable
        label="Table of the confusion matrix"
        hint={`Scroll sideways to see all ${names.length} classes.`}
      >
        <table class={`confusion${size}`} style={{ '--classes': names.length }}>
          <thead>
            <tr>
              <td class="corner">true ↓ answer →</td>
              {names.map((name, label) => (
                <th key={label} scope="col">
                  <ClassName name={name} />
                </th>
              ))}
              <th scope="col" class="recall">
                recall
              </th>
            </tr>
          </thead>
          <tbody>
            {matrix.map((row, label) => (
              <tr key={label}>
                <th scope="row">
                  <ClassName name={names[label]} />
                </th>
                {row.map((count, predicted) => (
                  <td key={predicted}>
                    {count === 0 ? (
                      <span class="zero">0</span>
                    ) : (
                      <Count
                        href={hasSamples ? linkTo('inspect', { run, true: label, predicted }) : undefined}
                        label={`${count} times ${isolated(names[label])} was recognised as ${isolated(names[predicted])}`}
                        colors={colorsOf(count, row, label === predicted, worst?.count ?? 1)}
                        count={count}
                      />
                    )}
                  </td>
                ))}
                <td class="recall">{recallText(recalls[label].recall)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </WideTable>
    </section>
  );
}

interface CountProps {
  count: number;
  href: string | undefined;
  label: string;
  colors: { background: string; color: string };
}

function Count({ count, href, label, colors }: CountProps) {
  if (href === undefined)
    return (
      <span class="count" style={colors}>
        {count}
      </span>
    );
  return (
    <a class="count" href={href} aria-label={label} title={label} style={colors}>
      {count}
    </a>
  );
}

function recallText(recall: number | null): string {
  return recall === null ? '–' : formatShare(recall, 1);
}

/** Same colours as in the reports: one ramp for correct answers, one for mistakes. */
function colorsOf(count: number, row: readonly number[], correct: boolean, worst: number) {
  const total = row.reduce((sum, value) => sum + value, 0);
  const shade = rampShade(0.999 * (correct ? count / total : (count / worst) ** 0.6));
  return {
    background: `var(--${correct ? 'correct' : 'wrong'}-${shade})`,
    color: shade >= STRONG_SHADE ? 'var(--on-strong)' : 'var(--on-pale)',
  };
}
