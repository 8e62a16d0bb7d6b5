/** What `scanstroke data preview` does: a contact sheet as a file, pictures in the terminal, or samples as JSON. */
import { loadStrokeSamples, type StrokeSample, type StrokeSamples } from '../data/stroke-samples.js';
import { writeFileAtomically } from '../formats/files.js';
import { className } from '../report/recall.js';
import { sheetSvg } from '../report/stroke-sheet.js';
import { plural } from '../report/text.js';
import { UserError } from '../user-error.js';
import type { PreviewFlags } from './data.js';
import { DataProgressView } from './data-progress.js';
import { drawSamples } from './stroke-terminal.js';
import { colorsFor, printJson, shellQuote, type Terminal } from './terminal.js';

/** Values of a row: dx, dy, eos, eod. */
const COLUMNS = 4;

export async function preview(flags: PreviewFlags, terminal: Terminal): Promise<void> {
  const { data, part, order, seed, out, json = false } = flags;
  const { count = json || out !== undefined ? 20 : 6 } = flags;
  if (out !== undefined && !/\.(svg|png)$/i.test(out)) {
    throw new UserError(`data preview: --out ${out} must end in .svg or .png`);
  }
  const view = new DataProgressView(terminal.err);
  let found: StrokeSamples;
  try {
    const progress = { onProgress: view.show.bind(view), onNotice: view.line.bind(view) };
    found = await loadStrokeSamples(data, { part, count, order, seed, ...progress });
  } finally {
    view.clear();
  }
  if (out !== undefined) await writeSheet(found, part, order, out);
  if (json) printJson(terminal, { data: found.name, part, file: out ?? null, ...asJson(found) });
  else if (out !== undefined)
    terminal.out.write(`${plural(found.samples.length, 'sample')} in ${shellQuote(out)}\n`);
  else {
    const captions = found.samples.map(
      ({ label, index, rows, paths }) =>
        `${className(found.classes, label)}  #${index}, ${plural(rows.length / COLUMNS, 'step')}, ${plural(paths.length, 'stroke')}`,
    );
    terminal.out.write(drawSamples(found.samples, captions, terminal.out, colorsFor(terminal.out)));
  }
}

async function writeSheet(
  { name, classes, samples }: StrokeSamples,
  part: string,
  order: string,
  file: string,
): Promise<void> {
  const withImages = samples.some(({ image }) => image !== null);
  const sheet = sheetSvg({
    title: `${name}: ${plural(samples.length, 'sample')} of the ${part === 'train' ? 'training' : 'test'} set as pen strokes`,
    note:
      `${withImages ? 'An image, its' : 'Their'} lines one pixel wide, and the order in which a pen ` +
      `${order === 'pen' ? 'drew' : 'might have drawn'} them; dots where it is lifted.`,
    classes,
    entries: samples.map(({ image, rows, ...sample }) => ({
      ...sample,
      steps: rows.length / COLUMNS,
      picture: image && { width: sample.width, height: sample.height, channels: 1, pixels: image },
    })),
  });
  if (/\.svg$/i.test(file)) {
    await writeFileAtomically(file, sheet.svg);
    return;
  }
  const { renderPng } = await import('../report/render.js');
  await writeFileAtomically(file, renderPng(sheet, sheet.svg));
}

function asJson({ classes, samples }: StrokeSamples) {
  return {
    classes,
    samples: samples.map(({ index, label, width, height, image, rows, paths }: StrokeSample) => ({
      ...{ index, label, class: classes[label], width, height },
      steps: rows.length / COLUMNS,
      strokes: paths.length,
      pixels: image && [...image],
      rows: Array.from({ length: rows.length / COLUMNS }, (_, n) => [
        ...rows.subarray(n * COLUMNS, (n + 1) * COLUMNS),
      ]),
    })),
  };
}
