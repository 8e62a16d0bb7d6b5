/** `scanstroke data preview` of one's own pictures: as the network sees them, in the terminal, as a file or as JSON. */

import type { ImageDataset } from '../../../data/images/image-examples.js';
import { loadOwn } from '../../../data/own/open-own.js';
import { pickEvenly } from '../../../data/strokes/stroke-samples.js';
import { writeFileAtomically } from '../../../formats/files.js';
import { className } from '../../../report/recall.js';
import { sheetSvg } from '../../../report/stroke-sheet.js';
import { plural } from '../../../report/text.js';
import { givenOptions } from '../../../train/config/run-config.js';
import { UserError } from '../../../user-error.js';
import { DataProgressView } from '../../terminal/data-progress.js';
import { drawPictures, type TerminalPicture } from '../../terminal/stroke-terminal.js';
import { colorsFor, printJson, shellQuote, type Terminal } from '../../terminal/terminal.js';
import { AMOUNTS, type PreviewFlags } from './data-flags.js';

interface PictureSample extends TerminalPicture {
  index: number;
  label: number;
}

/** Shows pictures. @returns false if the data are no pictures of one's own */
export async function previewPictures(flags: PreviewFlags, terminal: Terminal): Promise<boolean> {
  const { data, part, out, json = false } = flags;
  const view = new DataProgressView(terminal.err);
  let dataset: ImageDataset | null;
  try {
    const { channelsImg = null, imageSize = null } = givenOptions(
      { flags: { channelsImg: flags.channelsImg ?? 'none', imageSize: flags.imageSize ?? 'none' } },
      'data preview',
    );
    dataset = await loadOwn(data, {
      channels: channelsImg,
      size: imageSize,
      form: 'padded',
      onProgress: view.show.bind(view),
      onNotice: view.line.bind(view),
    });
  } finally {
    view.clear();
  }
  if (dataset === null) return false;
  refuseStrokeFlags(flags);
  const samples = samplesOf(dataset, part, flags.count ?? (json || out !== undefined ? 20 : 6));
  if (out !== undefined) await writeSheet(dataset, part, samples, out);
  if (json) printJson(terminal, { data: dataset.name, part, file: out ?? null, ...asJson(dataset, samples) });
  else if (out !== undefined)
    terminal.out.write(`${plural(samples.length, 'picture')} in ${shellQuote(out)}\n`);
  else {
    const captions = samples.map(({ label, index }) => `${className(dataset.classes, label)}  #${index}`);
    terminal.out.write(drawPictures(samples, captions, terminal.out, colorsFor(terminal.out)));
  }
  return true;
}

/** Pictures are neither generated nor augmented here. */
function refuseStrokeFlags(flags: PreviewFlags): void {
  const { data, order, seed, negatives, drawn, sort, augment } = flags;
  const given =
    (negatives && '--negatives') ||
    (drawn && '--drawn') ||
    (sort && '--sort') ||
    (order !== 'tour' && '--order') ||
    (seed !== 0 && '--seed') ||
    ((augment !== undefined || AMOUNTS.some((key) => key in flags)) && '--augment');
  if (!given) return;
  throw new UserError(
    `data preview: ${given} has no effect on pictures; leave it out, or give --data ${shellQuote(`strokes:${data}`)} for their strokes`,
  );
}

function samplesOf(dataset: ImageDataset, part: 'train' | 'test', count: number): PictureSample[] {
  const { width, height, channels, pixels, labels } = dataset[part];
  const size = width * height * channels;
  return pickEvenly(labels, dataset.classes.length, count).map((index) => ({
    index,
    label: labels[index],
    width,
    height,
    channels,
    pixels: pixels.slice(index * size, (index + 1) * size),
  }));
}

async function writeSheet(
  { name, classes }: ImageDataset,
  part: 'train' | 'test',
  samples: PictureSample[],
  file: string,
): Promise<void> {
  const sheet = sheetSvg({
    title: `${name}: ${plural(samples.length, 'picture')} of the ${part === 'train' ? 'training' : 'test'} set`,
    note: 'Pictures as the network sees them.',
    classes,
    onlyPictures: true,
    entries: samples.map(({ label, index, ...picture }) => ({
      label,
      index,
      steps: picture.height,
      width: picture.width,
      height: picture.height,
      picture,
      thinned: new Uint8Array(),
      strokes: [],
    })),
  });
  if (/\.svg$/i.test(file)) {
    await writeFileAtomically(file, sheet.svg);
    return;
  }
  const { renderPng } = await import('../../../report/charts/chart-files.js');
  await writeFileAtomically(file, await renderPng(sheet, sheet.svg));
}

function asJson({ classes }: ImageDataset, samples: PictureSample[]) {
  return {
    classes,
    samples: samples.map(({ pixels, ...sample }) => ({
      ...sample,
      class: classes[sample.label],
      pixels: [...pixels],
    })),
  };
}
