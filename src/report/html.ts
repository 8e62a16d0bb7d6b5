/**
 * Makes report.html: everything about a run on one page, in one file, without network access or scripts. All text is
 * escaped. The page's Content-Security-Policy allows inline styles and embedded pictures only.
 */

import type { CalibrationComparison } from '../runs/calibration.js';
import type { EpochMetrics, Mistake, RunSummary } from '../runs/run-folder.js';
import type { Chart } from './charts/chart.js';
import { confusionMatrixChart, confusionRatesChart } from './charts/confusion.js';
import { accuracyChart, learningRateChart, lossChart } from './charts/curves.js';
import { type MistakeTile, mistakesLead, mistakesTitle, tileShapes } from './charts/mistakes.js';
import { reliabilityChart } from './charts/reliability.js';
import { type Command, reproductionCommands } from './commands.js';
import { themed } from './palette.js';
import { classRecalls, mistakeCount, printable, recallFloor } from './recall.js';
import { shapesSvg } from './stroke-shapes.js';
import { style } from './style.js';
import {
  calibrationRows,
  formatCount,
  formatEnergy,
  formatNumber,
  formatScore,
  formatSeconds,
  formatSetting,
  formatShare,
  otherWays,
  refusalRows,
  takenForText,
  testedEpoch,
  unbroken,
} from './text.js';

/** Input of the report. */
export interface ReportInput {
  /** Heading of the report, for example `quick on MNIST, seed 0`. */
  title: string;
  /** The settings of the run; nested ones are shown as `schedule.name`. */
  config: Record<string, unknown>;
  /** One entry per epoch, in order. */
  metrics: EpochMetrics[];
  summary: RunSummary;
  /** Most confident first. */
  mistakes: Mistake[];
  /** Of the answers to the test set; left out if unknown. */
  calibration?: CalibrationComparison | null;
}

/** With more classes than this, the second matrix is below the first one. */
const MAX_CLASSES_SIDE_BY_SIDE = 14;

/**
 * The page as HTML text.
 *
 * @param tiles the mistakes to show
 * @param folder the run folder, as the commands on the page name it
 * @param drawing renders a chart as SVG
 */
export function reportHtml(
  input: ReportInput,
  tiles: readonly MistakeTile[],
  folder: string,
  drawing: (chart: Chart) => string,
): string {
  const { summary } = input;
  const card = (chart: Chart) => chartCard(chart, drawing(chart));
  const wide = summary.confusionMatrix.length > MAX_CLASSES_SIDE_BY_SIDE ? ' wide' : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(`${formatShare(summary.testAccuracy)} – ${input.title}`)}</title>
<style>${style}</style>
</head>
<body>
<main>
${header(input)}
<section>
<h2>Training</h2>
<div class="pair">${card(accuracyChart(input, 'page'))}${card(lossChart(input, 'page'))}</div>
</section>
<section>
<h2>Classes</h2>
<div class="pair${wide}">${card(confusionMatrixChart(input, 'page'))}${card(confusionRatesChart(input, 'page'))}</div>
<div class="pair wide">${recallCard(input)}</div>
</section>
${input.calibration ? `<section>\n<h2>Probabilities</h2>\n<div class="pair">${card(reliabilityChart(input.calibration, 'test', 'page'))}${calibrationCard(input.calibration)}</div>\n</section>\n` : ''}<section>
<h2>Mistakes</h2>
${mistakesCard(input, tiles)}
</section>
<section>
<h2>Settings and commands</h2>
<div class="pair"><div class="column">${card(learningRateChart(input, 'page'))}${commandsCard(input, folder)}</div>${configurationCard(input)}</div>
</section>
<footer>Made by scanstroke ${escapeHtml(summary.version)} on Node.js ${escapeHtml(summary.node.replace(/^v/, ''))}.</footer>
</main>
</body>
</html>
`;
}

/** Escapes a text for the content of an element or an attribute in double quotes. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** An escaped text in which a percent sign stays on the line of its number. */
function prose(text: string): string {
  return escapeHtml(text.replaceAll(' %', unbroken(' %')));
}

function header({ title, summary }: ReportInput): string {
  const { testScore } = summary;
  const [counts, share] = formatScore(testScore).split(' = ');
  const scores = [
    ['Training', formatScore(summary.trainScore), 'the samples used for updates'],
    [
      'Validation',
      formatScore(summary.validationScore),
      summary.bestEpoch > 0
        ? `the samples that chose epoch ${summary.bestEpoch}`
        : 'samples not used for updates',
    ],
    ['Test', formatScore(testScore), `samples never seen before; loss ${formatNumber(summary.testLoss)}`],
  ];
  const measured = (value: number, text: string) => (value > 0 ? text : '–');
  const facts = [
    ['Training time', formatSeconds(summary.trainSeconds)],
    ['Time in all', formatSeconds(summary.totalSeconds)],
    ['Samples a second', measured(summary.samplesPerSecond, formatCount(summary.samplesPerSecond))],
    ['GFLOP/s', measured(summary.gflops, summary.gflops.toFixed(1))],
    ['Peak memory', measured(summary.peakRssMb, `${formatCount(summary.peakRssMb)} MB`)],
    ...energyFacts(summary),
    ['Backend', `${summary.backend} (${summary.backendDescription})`],
    ['Threads', String(summary.threads)],
    ['Parameters', formatCount(summary.parameters)],
    ['Epochs', `${summary.epochs}${STOPPED[summary.stoppedBy] ?? ''}`],
    ['Preset', summary.preset ?? '–'],
    ['Seed', String(summary.seed)],
  ];
  return `<header>
<p class="eyebrow">scanstroke report</p>
<h1>${escapeHtml(title)}</h1>
<p class="hero"><span class="hero-score">${escapeHtml(counts)}${share === undefined ? '' : ' ='}</span>
<span class="hero-share">${escapeHtml(unbroken(share ?? '–'))}</span></p>
<p class="hero-label">test accuracy ${escapeHtml(testedEpoch(summary))}</p>
</header>
<dl class="scores">${scores
    .map(
      ([name, value, note]) =>
        `<div class="card score"><dt>${name}</dt><dd>${escapeHtml(unbroken(value))}<small>${escapeHtml(note)}</small></dd></div>`,
    )
    .join('')}</dl>
${otherWaysCard(summary)}${refusalsCard(summary)}<dl class="card facts">${facts
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join('')}</dl>`;
}

/** The energy of the run; nothing where it was not measured. */
function energyFacts({ energyJoules, totalSeconds }: RunSummary): [name: string, value: string][] {
  return energyJoules === null ? [] : [['Energy', formatEnergy(energyJoules, totalSeconds)]];
}

/** Scores on the test strokes drawn in another way; empty for images. */
function otherWaysCard(summary: ReportInput['summary']): string {
  const rows = otherWays(summary).map(
    ({ name, score, points }) =>
      `<tr><th scope="row">${name}</th><td class="number">${escapeHtml(unbroken(formatScore(score)))}</td><td class="number">${points} points</td></tr>`,
  );
  if (rows.length === 0) return '';
  return `<div class="card ways"><h3>The test samples, drawn another way</h3><p class="note">${OTHER_WAYS_NOTE}</p><figure class="scroll"><table><tbody>${rows.join('\n')}</tbody></table></figure></div>
`;
}

const OTHER_WAYS_NOTE =
  'The same points with the pen going backwards, or with the strokes in reverse order. The smaller the loss of ' +
  'accuracy, the less the network depends on how a sample was drawn.';

/** How often “none of these” was answered; empty for a recogniser without this answer. */
function refusalsCard(summary: ReportInput['summary']): string {
  const rows = refusalRows(summary).map(
    ([name, share]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th><td class="number">${escapeHtml(unbroken(share))}</td></tr>`,
  );
  if (rows.length === 0) return '';
  return `<div class="card ways"><h3>Answers “none of these”</h3><p class="note">${REFUSALS_NOTE}</p><figure class="scroll"><table><tbody>${rows.join('\n')}</tbody></table></figure></div>
`;
}

const REFUSALS_NOTE =
  'To test samples this answer is a mistake. To negatives, which are generated and belong to no class, it is right.';

/** Why the training ended before its last epoch. */
const STOPPED: Record<string, string> = {
  patience: ', stopped: validation accuracy did not improve',
  'target-accuracy': ', stopped: target reached',
  'max-minutes': ', stopped: time over',
};

export function chartCard(chart: Chart, svg: string): string {
  const scrolling = chart.width > 700;
  const drawing = themed(svg).replace(
    '<svg ',
    scrolling ? `<svg style="min-width:${Math.min(chart.width, 960)}px" ` : '<svg ',
  );
  return `<div class="card"><h3>${prose(chart.title)}</h3><p class="note">${prose(chart.note)}</p><figure${scrolling ? ' class="scroll"' : ''}>${drawing}</figure></div>`;
}

function recallCard({ summary }: ReportInput): string {
  const recalls = classRecalls(summary.confusionMatrix, summary.classes);
  const floor = recallFloor(recalls);
  const rows = recalls.map((entry) => {
    const share = entry.recall === null ? 0 : Math.max(0, (entry.recall - floor) / (1 - floor));
    return `<tr><th scope="row">${escapeHtml(entry.name)}</th><td class="number">${entry.recall === null ? '–' : formatShare(entry.recall)}</td><td class="bar-column"><span class="bar"><i style="width:${(share * 100).toFixed(1)}%"></i></span></td><td class="number">${entry.correct}/${entry.count}</td><td class="most">${escapeHtml(takenForText(entry))}</td></tr>`;
  });
  return `<div class="card long"><h3>Recall of each class</h3><p class="note">How many of a class’s test samples were recognised. Bars begin at ${Math.round(floor * 100)} %.</p><figure class="scroll"><table>
<thead><tr><th scope="col">class</th><th scope="col" class="number">recall</th><th scope="col" class="bar-column"><span class="bar-ends"><span>${Math.round(floor * 100)} %</span><span>100 %</span></span></th><th scope="col" class="number">correct</th><th scope="col" class="most">most often taken for</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></figure></div>`;
}

function calibrationCard({ temperature, before, after }: CalibrationComparison): string {
  const rows = calibrationRows(before, after).map(
    ([name, ...values]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th>${values.map((value) => `<td class="number">${escapeHtml(unbroken(value))}</td>`).join('')}</tr>`,
  );
  const note =
    temperature === 1
      ? 'The temperature of this network is 1: probabilities are the softmax of its logits.'
      : 'Logits are divided by the temperature before the softmax. It was fitted to the validation samples; answers, loss and accuracy elsewhere on this page do not depend on it.';
  return `<div class="card"><h3>Temperature ${formatSetting(temperature)}</h3><p class="note">${escapeHtml(note)}</p><figure class="scroll"><table>
<thead><tr><th scope="col"></th><th scope="col" class="number">logits</th><th scope="col" class="number">scaled</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></figure></div>`;
}

function mistakesCard({ summary }: ReportInput, tiles: readonly MistakeTile[]): string {
  const named = tiles.some(({ caption }) => caption.length > 9) ? ' named' : '';
  const items = tiles.map(
    ({ caption, confidence, description, picture }) =>
      `<li title="${escapeHtml(description)}">${tilePicture(picture, escapeHtml(description))}<b>${escapeHtml(caption)}</b><span>${escapeHtml(confidence)}</span></li>`,
  );
  const lead = mistakesLead(tiles, mistakeCount(summary.confusionMatrix));
  return `<div class="card long"><h3>${escapeHtml(mistakesTitle(tiles))}</h3><p class="note">${escapeHtml(lead)}</p>${
    items.length > 0 ? `<ul class="mistakes${named}">${items.join('\n')}</ul>` : ''
  }</div>`;
}

/** Side of a drawing's coordinate system. */
const TILE_SIDE = 100;

/** The picture as an element. Strokes use the colour variables of the page. */
function tilePicture(picture: MistakeTile['picture'], description: string): string {
  if (picture.kind === 'strokes') {
    return `<svg role="img" aria-label="${description}" viewBox="0 0 ${TILE_SIDE} ${TILE_SIDE}">${themed(shapesSvg(tileShapes(picture.strokes, TILE_SIDE)))}</svg>`;
  }
  const { uri, width, height, inked } = picture.image;
  return `<img${inked ? ' class="inked"' : ''} src="${uri}" width="${width}" height="${height}" alt="${description}">`;
}

function configurationCard({ config }: ReportInput): string {
  const rows = flatten(config).map(
    ([name, value]) =>
      `<tr><th scope="row">${escapeHtml(name).replaceAll('.', '.<wbr>')}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<div class="card long"><h3>Configuration</h3><figure><table class="config"><tbody>${rows.join('\n')}</tbody></table></figure></div>`;
}

/** Nested settings as `schedule.name`; lists and settings nested deeper than four levels as JSON. */
function flatten(value: Record<string, unknown>, prefix = '', depth = 0): [name: string, value: string][] {
  return Object.entries(value).flatMap(([key, member]): [string, string][] => {
    const name = prefix + key;
    if (typeof member === 'object' && member !== null && !Array.isArray(member) && depth < 3) {
      return flatten(member as Record<string, unknown>, `${name}.`, depth + 1);
    }
    if (member === null || member === undefined) return [[name, '–']];
    return [
      [name, typeof member === 'string' ? member : (JSON.stringify(member, shortened) ?? String(member))],
    ];
  });
}

function shortened(_: string, value: unknown): unknown {
  return typeof value === 'number' && Number.isFinite(value) ? Number(formatSetting(value)) : value;
}

function commandsCard({ summary, config }: ReportInput, folder: string): string {
  const commands = reproductionCommands(folder, summary, config).map(commandBlock);
  return `<div class="card"><h3>Commands</h3>${commands.join('\n')}</div>`;
}

export function commandBlock({ purpose, line }: Command): string {
  return `<div class="command"><p>${escapeHtml(purpose)}</p><pre><code>${escapeHtml(line)}</code></pre></div>`;
}
