/** The confusion matrix. Each number links to its samples. */

import { rampShade, STRONG_SHADE } from '#src/report/palette.js';
import { className, classRecalls, mistakeCount, worstConfusion } from '#src/report/recall.js';
import { formatCount, formatShare } from '#src/report/text.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import { linkTo } from '../route.js';

export function Confusion({ run, summary }: { run: string; summary: RunSummary }) {
  const { confusionMatrix: matrix, classes } = summary;
  const mistakes = mistakeCount(matrix);
  const worst = worstConfusion(matrix);
  const recalls = classRecalls(matrix, classes);
  const names = matrix.map((_, label) => className(classes, label));
  return (
    <section class="card" aria-label="Confusion matrix">
      <h2>{mistakes === 1 ? '1 mistake' : `${formatCount(mistakes)} mistakes`} on the test samples</h2>
      <p class="muted">
        {worst
          ? `The most frequent mistake: ${names[worst.label]} was recognised as ${names[worst.predicted]}. Click a number to see its samples.`
          : 'Click a number to see its samples.'}
      </p>
      <div class="scroll">
        <table class="confusion" style={{ '--classes': names.length }}>
          <thead>
            <tr>
              <td class="corner">true ↓ answer →</td>
              {names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col" class="recall">
                recall
              </th>
            </tr>
          </thead>
          <tbody>
            {matrix.map((row, label) => (
              <tr key={names[label]}>
                <th scope="row">{names[label]}</th>
                {row.map((count, predicted) => (
                  <td key={names[predicted]}>
                    {count === 0 ? (
                      <span class="zero">0</span>
                    ) : (
                      <a
                        href={linkTo('inspect', { run, true: label, predicted })}
                        aria-label={`${count} times ${names[label]} was recognised as ${names[predicted]}`}
                        style={colorsOf(count, row, label === predicted, worst?.count ?? 1)}
                      >
                        {count}
                      </a>
                    )}
                  </td>
                ))}
                <td class="recall">{recallText(recalls[label].recall)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
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
