/** `scanstroke data preview`: a contact sheet as a file, pictures in the terminal, or samples as JSON. */
import { kindNamed } from '../../../data/dataset-name.js';
import { digitSamples } from '../../../data/digits/digit-samples.js';
import { negativeSamples } from '../../../data/negatives/negative-samples.js';
import {
  loadStrokeSamples,
  type StrokeSample,
  type StrokeSamples,
  type StrokeVariations,
} from '../../../data/strokes/stroke-samples.js';
import { checkFileTarget, writeFileAtomically } from '../../../formats/files.js';
import { className } from '../../../report/recall.js';
import { sheetSvg } from '../../../report/stroke-sheet.js';
import { formatNumber, plural } from '../../../report/text.js';
import { augmentationOf } from '../../../train/config/plan.js';
import { PRESETS } from '../../../train/config/presets.js';
import { defaultConfig, givenOptions } from '../../../train/config/run-config.js';
import { UserError } from '../../../user-error.js';
import { DataProgressView } from '../../terminal/data-progress.js';
import { drawSamples } from '../../terminal/stroke-terminal.js';
import { colorsFor, printJson, shellQuote, type Terminal } from '../../terminal/terminal.js';
import { AMOUNTS, EPOCHS, type PreviewFlags } from './data-flags.js';
import { refuseIdleSeed } from './seed-effect.js';

/** Values of a move: dx, dy, eos, eod. */
const COLUMNS = 4;

export async function preview(flags: PreviewFlags, terminal: Terminal): Promise<void> {
  const { data, part, order, sort: sorted, seed, out, json = false } = flags;
  if (out !== undefined && !/\.(svg|png)$/i.test(out)) {
    throw new UserError(`data preview: --out ${out} must end in .svg or .png`);
  }
  if (out !== undefined) await checkFileTarget(out);
  if (kindNamed(data) !== 'strokes' && data !== 'mnist' && order !== 'points') {
    const { previewPictures } = await import('./preview-pictures.js');
    if (await previewPictures(flags, terminal)) return;
  }
  const unused = flags.imageSize === undefined ? flags.channelsImg && 'channels-img' : 'image-size';
  if (unused) {
    throw new UserError(`data preview: --${unused} has an effect on your own pictures only; leave it out`);
  }
  const variations = variationsOf(flags);
  const generated = generatedOf(flags);
  if (generated) refuseWith(generated, flags, variations);
  else if (!variations) await refuseIdleSeed('data preview', flags);
  const { count = json || out !== undefined ? 20 : variations ? 3 : 6 } = flags;
  const view = new DataProgressView(terminal.err);
  let found: StrokeSamples;
  try {
    const progress = { onProgress: view.show.bind(view), onNotice: view.line.bind(view) };
    found = generated
      ? await generated.samples(data, { channelsImg: 1, count, order, seed, ...progress })
      : await loadStrokeSamples(data, { part, count, order, sorted, seed, variations, ...progress });
  } finally {
    view.clear();
  }
  if (out !== undefined) await writeSheet(found, flags, variations, out);
  if (json) {
    const amounts = variations && { augmentation: amountsOf(variations) };
    printJson(terminal, { data: found.name, part, file: out ?? null, ...amounts, ...asJson(found) });
  } else if (out !== undefined)
    terminal.out.write(`${plural(found.samples.length, 'sample')} in ${shellQuote(out)}\n`);
  else terminal.out.write(inTerminal(found, terminal.out));
}

/** Generated samples, which have a flag each. */
const GENERATED = {
  negatives: { flag: '--negatives', samples: negativeSamples, one: 'negative', many: 'negatives' },
  drawn: { flag: '--drawn', samples: digitSamples, one: 'drawn digit', many: 'drawn digits' },
} as const;
type Generated = (typeof GENERATED)[keyof typeof GENERATED];

/** What is generated instead of shown from the data; null for nothing. */
function generatedOf({ negatives, drawn }: PreviewFlags): Generated | null {
  if (negatives && drawn) {
    throw new UserError(
      'data preview: a sheet shows either negatives or drawn digits; leave out one of --negatives and --drawn',
    );
  }
  return negatives ? GENERATED.negatives : drawn ? GENERATED.drawn : null;
}

/** Generated samples belong to training, and are shown as they are. */
function refuseWith(
  { flag, many }: Generated,
  { part, sort }: PreviewFlags,
  variations: StrokeVariations | undefined,
): void {
  const other = part === 'test' ? '--part test' : variations ? '--augment' : sort ? '--sort' : null;
  if (other === null) return;
  throw new UserError(`data preview: ${other} has no effect on ${many}; leave out ${other}, or ${flag}`);
}

/** The augmentation that the flags set; undefined without augmentation. */
function variationsOf({ augment, part, ...flags }: PreviewFlags): StrokeVariations | undefined {
  const given = Object.fromEntries(AMOUNTS.filter((key) => key in flags).map((key) => [key, flags[key]]));
  const amounts = givenOptions({ flags: given }, 'data preview');
  if (augment === undefined && Object.keys(given).length === 0) return undefined;
  if (part === 'test') {
    throw new UserError(
      'data preview: only training samples are augmented; leave out --part test, or --augment',
    );
  }
  const config = { ...defaultConfig(), ...PRESETS.strokes.settings, ...amounts };
  return { augmentation: augmentationOf(config), epochs: augment ?? EPOCHS };
}

/** The amounts that apply to strokes. */
function amountsOf({ augmentation }: StrokeVariations) {
  const { elastic: _, thickness: __, until: ___, ...amounts } = augmentation;
  return amounts;
}

function inTerminal({ classes, samples }: StrokeSamples, out: Terminal['out']): string {
  const colors = colorsFor(out);
  const captions = samples.map(
    ({ label, index, moves, strokes }) =>
      `${className(classes, label)}  #${index}, ${plural(moves.length / COLUMNS, 'step')}, ${plural(strokes.length, 'stroke')}`,
  );
  if (samples.every(({ variations }) => variations.length === 0)) {
    return drawSamples(samples, captions, out, colors);
  }
  // Every sample starts a new band, followed by its augmented variants.
  return samples
    .map(({ variations, ...sample }, index) => {
      const varied = variations.map(({ strokes }) => ({ ...sample, image: null, strokes }));
      const names = variations.map(
        ({ epoch, moves }) => `epoch ${epoch}, ${plural(moves.length / COLUMNS, 'step')}`,
      );
      return drawSamples([sample, ...varied], [captions[index], ...names], out, colors);
    })
    .join('\n');
}

async function writeSheet(
  { name, classes, samples }: StrokeSamples,
  flags: PreviewFlags,
  variations: StrokeVariations | undefined,
  file: string,
): Promise<void> {
  const { part, order, sort } = flags;
  const generated = generatedOf(flags);
  const withImages = samples.some(({ image }) => image !== null);
  const sheet = sheetSvg({
    title: generated
      ? `${name}: ${plural(samples.length, generated.one)} as pen strokes`
      : `${name}: ${plural(samples.length, 'sample')} of the ${part === 'train' ? 'training' : 'test'} set as pen strokes`,
    note:
      `${withImages ? 'An image, its' : 'Their'} lines one pixel wide, and the order in which a pen ` +
      `${order === 'tour' ? 'might have drawn' : 'drew'} them${sort ? ', sorted' : ''}; dots where the pen is lifted.`,
    details: variations && epochsNote(variations),
    classes,
    entries: samples.map(({ image, moves, ...sample }) => ({
      ...sample,
      steps: moves.length / COLUMNS,
      picture: image && { width: sample.width, height: sample.height, channels: 1, pixels: image },
    })),
  });
  if (/\.svg$/i.test(file)) {
    await writeFileAtomically(file, sheet.svg);
    return;
  }
  const { renderPng } = await import('../../../report/charts/chart-files.js');
  await writeFileAtomically(file, await renderPng(sheet, sheet.svg));
}

/** The line of the sheet that lists the amounts of augmentation. */
function epochsNote(variations: StrokeVariations): string {
  const amounts = Object.entries(amountsOf(variations)).filter(([, amount]) => amount !== 0);
  const shown = amounts.map(([name, amount]) => `${name} ${formatNumber(amount)}`);
  return `Augmentation: ${shown.join(', ') || 'none'}.`;
}

function asJson({ classes, samples }: StrokeSamples) {
  return {
    classes,
    samples: samples.map(
      ({ index, label, width, height, image, moves, strokes, variations }: StrokeSample) => ({
        index,
        label,
        class: classes[label],
        width,
        height,
        steps: moves.length / COLUMNS,
        strokes: strokes.length,
        pixels: image && [...image],
        rows: listOf(moves),
        ...(variations.length > 0 && {
          epochs: variations.map((varied) => ({
            epoch: varied.epoch,
            steps: varied.moves.length / COLUMNS,
            strokes: varied.strokes.length,
            rows: listOf(varied.moves),
          })),
        }),
      }),
    ),
  };
}

/** One list `[dx, dy, eos, eod]` per move. */
function listOf(moves: Int16Array | Float32Array): number[][] {
  return Array.from({ length: moves.length / COLUMNS }, (_, n) => [
    ...moves.subarray(n * COLUMNS, (n + 1) * COLUMNS),
  ]);
}
