/** Writes the model card of a network in models/: README.md, all figures from its measurements. */
import { robustnessTable } from '../../dist/cli/robustness.js';
import { formatTable } from '../../dist/cli/terminal/terminal.js';
import {
  calibrationRows,
  formatCount,
  formatRefused,
  formatScore,
  formatSeconds,
} from '../../dist/report/text.js';
import { commandOf } from './model-recipes.mjs';

/**
 * @param {string} name
 * @param {import('./model-recipes.mjs').Recipe} recipe
 * @param {object} measured summary (of the network in float16), exact (evaluation in float32), half (in float16),
 *   robustness, bytes of the checkpoint
 * @param {boolean} isTrial whether the network was trained with --quick
 * @returns {string} Markdown
 */
export function modelCard(name, recipe, measured, isTrial) {
  const { summary, exact, half, robustness, bytes } = measured;
  const { calibration } = half;
  const { refusals, reversedScore, reorderedScore } = summary;
  const inDrawing = [
    ['reversed: drawn in reverse', reversedScore],
    ['reordered: strokes in reverse order', reorderedScore],
  ].filter(([, score]) => score !== null);
  const sections = [
    `# ${name}`,
    isTrial && '**A trial of scripts/models/make-models.mjs, trained for a moment: not for shipping.**',
    recipe.about,
    list([
      `Answers: ${summary.classes.map((each) => (each === 'none' ? '“none of these”' : each)).join(', ')}`,
      `Size: ${formatCount(summary.parameters)} parameters, ${formatCount(bytes)} bytes: \`best.safetensors\`, in float16`,
      `Made with scanstroke ${summary.version} by \`scripts/models/make-models.mjs\` of its repository, which also wrote this page from what it measured`,
    ]),
    '## Use',
    code('sh', [`npx scanstroke predict ${name} digit.png`, `npx scanstroke info ${name}`]),
    '## Training',
    code('sh', [commandOf(recipe.options)]),
    list([
      `Data: ${recipe.data}. ${formatCount(summary.trainScore.count)} samples for training, ${formatCount(summary.validationScore.count)} for validation`,
      `Seed: ${summary.seed}. Best epoch: ${summary.bestEpoch} of ${summary.epochs}. Training time: ${formatSeconds(summary.trainSeconds)} with ${summary.threads === 1 ? '1 thread' : `${summary.threads} threads`}`,
      `Backend: ${summary.backend} (${summary.backendDescription}). On other processors the same command rounds otherwise`,
      '`config.json` has all settings, `metrics.jsonl` the epochs',
    ]),
    '## Accuracy',
    `On the ${formatCount(summary.testScore.count)} test samples of MNIST, none of which was learnt from:`,
    code(
      '',
      table([
        ['', 'correct', 'loss'],
        ['as trained, float32', formatScore(exact.score), exact.loss.toFixed(5)],
        ['as shipped, float16', formatScore(half.score), half.loss.toFixed(5)],
        ...inDrawing.map(([what, score]) => [`${what}, float32`, formatScore(score), '']),
      ]),
    ),
    refusals && '## “None of these”',
    refusals &&
      'How often the network answers “none of these”: to test samples, where it is wrong, and to generated pictures that are no digits, where it is right. Real pictures of other things were not measured.',
    refusals &&
      code(
        '',
        table([
          ['', 'answered “none of these”'],
          ['test samples', formatRefused(refusals.test)],
          ['generated, no digits', formatRefused(refusals.negatives)],
          ...refusals.kinds.map((kind) => [`  ${kind.kind}`, formatRefused(kind)]),
        ]),
      ),
    '## Robustness',
    `Accuracy on ${formatCount(robustness.samples)} test samples after changes of the inputs (\`scanstroke evaluate ${name} --robustness\`; seed ${robustness.seed}):`,
    code('', robustnessTable(robustness.rows).split('\n')),
    '## Calibration',
    `Logits are divided by the temperature ${calibration.temperature}, fitted to the validation samples. On the test samples:`,
    code(
      '',
      table([
        ['', 'T = 1', `T = ${calibration.temperature}`],
        ...calibrationRows(calibration.before, calibration.after),
      ]),
    ),
    '## Limits',
    list([
      'One digit in each input. `predict --several` and the page read several symbols in one picture or drawing.',
      'MNIST has digits of people in the United States around 1990. Other ways of writing, such as a 1 with a long upstroke, were learnt from generated drawings and not measured on people.',
      'Photos of paper were not measured.',
      ...recipe.limits,
    ]),
    '## Licence',
    'MIT, as scanstroke. MNIST, from which the network has learnt, is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, under Creative Commons Attribution-Share Alike 3.0; no picture of it is in these files.',
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

const list = (items) => items.map((item) => `- ${item}`).join('\n');
const code = (language, lines) =>
  [`\`\`\`${language}`, ...lines.map((line) => line.trimEnd()), '```'].join('\n');
const table = (rows) =>
  formatTable(
    rows,
    rows[0].map((_, column) => column > 0),
  ).split('\n');
