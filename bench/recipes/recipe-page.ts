/** The table and the chart of the recipes, and their section of docs/accuracy.md. */
import { logScale } from '#src/report/charts/chart.js';
import { renderSvg } from '#src/report/charts/chart-files.js';
import { type Line, lineChart } from '#src/report/charts/line-chart.js';
import { adaptive, light } from '#src/report/palette.js';
import { markdown, number, type Table } from '../report/table.js';
import type { Recipe, RecipeRun } from './recipe-runs.js';

/** Runs of one recipe, as docs/accuracy.json keeps them. */
export interface RecipeResult extends Recipe {
  data: string;
  date: string;
  processor: string;
  threads: number;
  runs: RecipeRun[];
}

const FIRST = '<!-- figures: written by npm run bench:recipes -- --write -->';
const LAST = '<!-- end of figures -->';
/** Published for three bidirectional layers of 256 on an RTX 4090. */
const PUBLISHED = { seconds: 44, accuracy: 0.9764 };
const COLORS = [light.training, light.validation, light.pen[0], light.pen[4], light.pen[7]];

/** Mean and sample standard deviation; 0 for a single value. */
export function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

export function recipeTable(results: readonly RecipeResult[]): Table {
  return {
    header: ['recipe', 'test accuracy', 'worst', 'seeds', 'training', 'command to report', 'measured on'],
    rows: results.map(({ name, runs, date, processor, threads }) => {
      const { mean, deviation } = spread(runs.map(({ testAccuracy }) => testAccuracy));
      const meanOf = (pick: (run: RecipeRun) => number) => spread(runs.map(pick)).mean;
      return [
        `\`${name}\``,
        `${(100 * mean).toFixed(2)} % ± ${(100 * deviation).toFixed(2)}`,
        `${(100 * Math.min(...runs.map(({ testAccuracy }) => testAccuracy))).toFixed(2)} %`,
        `${runs.length}`,
        `${number(meanOf(({ trainSeconds }) => trainSeconds))} s`,
        `${number(meanOf(({ commandSeconds }) => commandSeconds))} s`,
        `${threads} cores of ${processor}, ${date}`,
      ];
    }),
  };
}

/** Wrong answers on the validation split against seconds of training, both logarithmic: one line for each preset. */
export function recipeChart(results: readonly RecipeResult[]): string {
  const lines = results.map(({ name, runs }, index): Line => {
    const { mean } = spread(runs.map(({ testAccuracy }) => testAccuracy));
    const points = runs[0].epochs.map((_, epoch): [number, number] => [
      spread(runs.map(({ epochs }) => epochs[epoch].seconds)).mean,
      Math.max(0.01, 100 - 100 * spread(runs.map(({ epochs }) => epochs[epoch].accuracy)).mean),
    ]);
    return {
      name,
      value: `test ${(100 * mean).toFixed(2)} %`,
      color: COLORS[index % COLORS.length],
      points,
      width: 2.25,
      marked: true,
    };
  });
  lines.push({
    name: 'published, RTX 4090',
    value: `test ${(100 * PUBLISHED.accuracy).toFixed(2)} %`,
    color: light.ink,
    points: [[PUBLISHED.seconds, 100 - 100 * PUBLISHED.accuracy]],
    width: 2.25,
    marked: true,
  });
  const across = lines.flatMap(({ points }) => points.map(([seconds]) => seconds));
  const wrong = lines.flatMap(({ points }) => points.map(([, share]) => share));
  const scale = logScale(Math.min(...across), Math.max(...across), 9);
  const note =
    'Validation samples answered wrongly, in %, after each epoch, against seconds of training; means over seeds.';
  const chart = lineChart('bench-recipes', 'file', titleOf(results), note, {
    across: { ...scale, name: 'seconds of training' },
    scale: logScale(Math.min(...wrong), Math.max(...wrong), 9),
    lines,
    format: (value) => `${value} %`,
  });
  return adaptive(renderSvg(chart));
}

/** The quickest recipe that is better than the published result. */
function titleOf(results: readonly RecipeResult[]): string {
  const better = results
    .map(({ name, runs }) => ({
      name,
      accuracy: spread(runs.map(({ testAccuracy }) => testAccuracy)).mean,
      seconds: spread(runs.map(({ trainSeconds }) => trainSeconds)).mean,
    }))
    .filter(({ accuracy }) => accuracy > PUBLISHED.accuracy)
    .sort((a, b) => a.seconds - b.seconds);
  if (better.length === 0) return 'Accuracy against seconds of training';
  const [{ name, accuracy, seconds }] = better;
  return `${name} reaches ${(100 * accuracy).toFixed(2)} % in ${number(seconds)} s of training`;
}

/** The page with its figures replaced. @throws Error if it has no place for them */
export function withFigures(page: string, results: readonly RecipeResult[]): string {
  const [first, last] = [page.indexOf(FIRST), page.indexOf(LAST)];
  if (first < 0 || last < first) throw new Error(`docs/accuracy.md has no lines ${FIRST} and ${LAST}`);
  return `${page.slice(0, first)}${FIRST}\n\n${markdown(recipeTable(results))}\n\n${page.slice(last)}`;
}
