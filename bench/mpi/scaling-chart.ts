/** The chart of the time of an update against the number of ranks. */
import { logScale } from '#src/report/charts/chart.js';
import { renderSvg } from '#src/report/charts/chart-files.js';
import { type Line, lineChart } from '#src/report/charts/line-chart.js';
import { adaptive, light } from '#src/report/palette.js';
import { duration } from '../report/table.js';

/** Seconds of an update of one model by number of ranks. */
export interface Scaling {
  network: string;
  points: [ranks: number, seconds: number][];
}

const COLORS = [light.training, light.validation, light.pen[4], light.pen[0]];

/** @param machine threads and processor of a rank */
export function scalingChart(model: string, machine: string, scalings: readonly Scaling[]): string {
  const lines = scalings.map(({ network, points }, index): Line => {
    const [, last] = points[points.length - 1];
    return { name: network, value: duration(last), color: COLORS[index], points, width: 2.25, marked: true };
  });
  const seconds = scalings.flatMap(({ points }) => points.map(([, value]) => value));
  const ranks = scalings[0].points.map(([value]) => value);
  const title = `An update of ${model} on several machines`;
  const note = `Calculated from updates measured on one machine; each has ${machine}.`;
  const chart = lineChart('bench-scale', 'file', title, note, {
    across: {
      name: 'machines',
      spacing: 'log',
      min: Math.min(...ranks),
      max: Math.max(...ranks),
      ticks: ranks,
    },
    scale: logScale(Math.min(...seconds), Math.max(...seconds), 9),
    lines,
    format: duration,
  });
  return adaptive(renderSvg(chart));
}
