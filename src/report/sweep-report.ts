/** Writes the report of a sweep: parallel coordinates, a table of all trials, and the commands for the best. */
import { join } from 'node:path';
import { makeFolder, writeFileAtomically } from '../formats/files.js';
import { type CHART_FORMATS, RUN_FILES } from '../runs/run-folder.js';
import { SWEEP_FILES, type Sweep, trialFolder } from '../runs/sweep/sweep-folder.js';
import { bestFinished, type TrialResult } from '../runs/sweep/sweep-results.js';
import { renderPdf, renderPng, renderSvg } from './charts/chart-files.js';
import { parallelChart } from './charts/parallel.js';
import { chartCard, commandBlock, escapeHtml } from './html.js';
import { style } from './style.js';
import { bestCommands } from './sweep-commands.js';
import { formatSeconds, formatShare, plural, unbroken } from './text.js';

export interface SweepReportInput {
  sweep: Sweep;
  /** The best first. */
  results: readonly TrialResult[];
  /** The folder of the sweep, as commands name it. */
  folder: string;
  /** What was trained: `quick on MNIST`. */
  title: string;
  version: string;
  /** The name of an option, as in tables. */
  nameOf(option: string): string;
  /** A value of an option, as in tables. */
  textOf(value: TrialResult['settings'][string] | undefined): string;
}

/**
 * Writes `report.html`, and `charts/parallel-coordinates` in the given formats.
 * @throws UserError if a file or folder cannot be written
 */
export async function writeSweepReport(
  input: SweepReportInput,
  { formats }: { formats: readonly (typeof CHART_FORMATS)[number][] },
): Promise<void> {
  const { folder, results, sweep, nameOf } = input;
  const chart = parallelChart(results, sweep.axes, nameOf, 'file');
  if (formats.length > 0) {
    const path = join(folder, RUN_FILES.charts, chart.name);
    await makeFolder(join(folder, RUN_FILES.charts));
    const svg = renderSvg(chart);
    if (formats.includes('svg')) await writeFileAtomically(`${path}.svg`, svg);
    if (formats.includes('png')) await writeFileAtomically(`${path}.png`, await renderPng(chart, svg));
    if (formats.includes('pdf')) await writeFileAtomically(`${path}.pdf`, await renderPdf(chart));
  }
  await writeFileAtomically(join(folder, SWEEP_FILES.report), sweepHtml(input));
}

function sweepHtml(input: SweepReportInput): string {
  const { sweep, results, folder, title, version, nameOf } = input;
  const best = bestFinished(results);
  const chart = parallelChart(results, sweep.axes, nameOf, 'page');
  const share = best?.bestValAccuracy ?? null;
  const count = (state: TrialResult['state']) => results.filter((each) => each.state === state).length;
  const facts = [
    ['Trials', String(results.length)],
    ['Finished', String(count('finished'))],
    ['Ended early', String(count('stopped'))],
    ['Failed', String(count('failed'))],
    ['Chosen by', METHODS[sweep.method]],
    ['Training time in all', formatSeconds(results.reduce((sum, each) => sum + each.trainSeconds, 0))],
  ];
  const commands = best === null ? [] : bestCommands(folder, best);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(`${plural(results.length, 'trial')} of ${title}`)}</title>
<style>${style}
table a { color: inherit; }</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">scanstroke sweep</p>
<h1>${escapeHtml(title)}</h1>
<p class="hero"><span class="hero-share">${share === null ? '–' : escapeHtml(unbroken(formatShare(share)))}</span></p>
<p class="hero-label">${escapeHtml(best === null ? 'no trial has finished' : heroLabel(best))}</p>
</header>
<dl class="card facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
<section>
<h2>Settings and accuracy</h2>
<div class="pair wide">${chartCard(chart, renderSvg(chart))}</div>
</section>
<section>
<h2>Trials</h2>
<div class="pair wide">${trialsCard(input)}</div>
</section>
<section>
<h2>Commands</h2>
<div class="pair wide"><div class="card"><h3>Commands</h3>${commands.map(commandBlock).join('\n')}</div></div>
</section>
<footer>Made by scanstroke ${escapeHtml(version)}.</footer>
</main>
</body>
</html>
`;
}

const METHODS: Record<Sweep['method'], string> = {
  grid: 'grid, every combination',
  random: 'random settings',
  optuna: 'Optuna',
};

function heroLabel({ trial, testAccuracy, bestEpoch }: TrialResult): string {
  const test = testAccuracy === null ? '' : `; ${formatShare(testAccuracy)} of the test samples`;
  return `validation accuracy of trial ${trial}, epoch ${bestEpoch}${test}`;
}

const STATES: Record<TrialResult['state'], string> = {
  finished: '',
  stopped: 'ended early',
  failed: 'failed',
  begun: 'not finished',
  waiting: 'waiting',
};

function trialsCard({ sweep, results, nameOf, textOf }: SweepReportInput): string {
  const head = sweep.axes.map(
    ({ option }) => `<th scope="col" class="number">${escapeHtml(nameOf(option))}</th>`,
  );
  const rows = results.map((result) => {
    const { trial, settings, bestValAccuracy, testAccuracy, epochs, trainSeconds, state } = result;
    const link = state === 'finished' ? trialFolder('.', trial) : null;
    const number = (shown: string) => `<td class="number">${escapeHtml(unbroken(shown))}</td>`;
    const share = (value: number | null) => number(value === null ? '–' : formatShare(value));
    const name =
      link === null ? String(trial) : `<a href="${escapeHtml(link)}/${RUN_FILES.report}">${trial}</a>`;
    return `<tr><th scope="row">${name}</th>${sweep.axes.map(({ option }) => number(textOf(settings[option]))).join('')}${share(bestValAccuracy)}${share(testAccuracy)}${number(String(epochs))}${number(epochs === 0 ? '–' : formatSeconds(trainSeconds))}<td>${STATES[state]}</td></tr>`;
  });
  return `<div class="card long"><h3>All trials, the best first</h3><p class="note">The order is that of the validation accuracy. The test samples chose nothing, so they say how good the best trial is.</p><figure class="scroll"><table>
<thead><tr><th scope="col">trial</th>${head.join('')}<th scope="col" class="number">validation</th><th scope="col" class="number">test</th><th scope="col" class="number">epochs</th><th scope="col" class="number">time</th><th scope="col"></th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></figure></div>`;
}
