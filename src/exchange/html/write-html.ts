/**
 * Writes a model and the page as one HTML file that works from the disk, without a network.
 *
 * The page is built into a template (web/single/). The model goes into a script element that holds data: a parcel of
 * letters, so no name in the model can end the element. The file is UTF-16 with a byte order mark, in which a letter of
 * 15 bits takes two bytes: as base64 in UTF-8 the weights would take a quarter more. Browsers put the byte order mark
 * above the encoding that a server announces.
 */
import type { Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { packParcel } from '../../formats/parcel.js';
import { toPlanes } from '../../formats/safetensors/float-planes.js';
import { headerOf } from '../../formats/safetensors/safetensors.js';
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { decodeHeader, encodeCheckpoint } from '../../runs/checkpoint/checkpoint.js';
import { UserError } from '../../user-error.js';
import type { ExportableModel, ExportedFile } from '../exportable-model.js';

/** Places in the template; each is there once. */
const TITLE = '<title>scanstroke</title>';
const MODEL = '<script type="text/plain" id="model"></script>';

/** The page needs memory for the model four times: as text, packed, unpacked, and in the kernels' memory. */
const MAX_MODEL_BYTES = 2 ** 28;

/**
 * @param model the model; its preprocessing must be one for drawings
 * @param template the built page (page-template.ts)
 * @returns one file, NAME.html
 * @throws UserError if a drawing cannot become the model's input, or the model is too large for a text
 */
export async function writeHtml(model: ExportableModel, template: string): Promise<ExportedFile[]> {
  const { config, parameters, classes, temperature, name } = model;
  const preprocessing = drawablePreprocessing(model);
  const checkpoint = encodeCheckpoint({ parameters, model: config, preprocessing, classes, temperature });
  if (checkpoint.length > MAX_MODEL_BYTES) {
    throw new UserError(
      `export html: the model has ${checkpoint.length} bytes; at most ${MAX_MODEL_BYTES} are written into one page; ` +
        'scanstroke page writes a folder with the model as a file',
    );
  }
  const { parameters: count } = decodeHeader(headerOf(checkpoint, name), name);
  const about = { name, kind: preprocessing.kind, classes, parameters: count };
  const parcel = await packParcel([new TextEncoder().encode(JSON.stringify(about)), toPlanes(checkpoint)]);
  const titled = filled(template, TITLE, `<title>${escapeText(name)} – scanstroke</title>`);
  const text = filled(titled, MODEL, MODEL.replace('><', `>${parcel}<`));
  return [{ name: `${name}.html`, bytes: utf16(text), notices: [] }];
}

/** @throws UserError if there is no preprocessing, or none for the pictures that drawings become */
function drawablePreprocessing({ preprocessing }: ExportableModel): Preprocessing {
  if (preprocessing === null) {
    throw new UserError(
      'export html: the page needs to know how a drawing becomes a sequence, and the model has no preprocessing; ' +
        'give a checkpoint of a run, or name the preprocessing',
    );
  }
  // A drawing becomes points without a picture.
  if (preprocessing.kind === 'strokes' && preprocessing.order === 'points') return preprocessing;
  const { width, height, channels } = kindOf(preprocessing).pictureSizeOf(preprocessing);
  if (width !== DRAWING_SIZE.width || height !== DRAWING_SIZE.height || channels !== 1) {
    throw new UserError(
      `export html: in the page a drawing becomes a picture of ${DRAWING_SIZE.width} × ${DRAWING_SIZE.height} pixels ` +
        `with 1 channel, and the model reads ${width} × ${height} with ${channels}; choose another format, or train on pictures of that form`,
      { settings: ['imageSize', 'channelsImg'] },
    );
  }
  return preprocessing;
}

function filled(template: string, place: string, content: string): string {
  const [before, after, ...others] = template.split(place);
  if (after === undefined || others.length > 0) {
    throw new Error(`export html: the template must have ${place} once; build the page again`);
  }
  return before + content + after;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** Little-endian, with a byte order mark. */
function utf16(text: string): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * text.length + 2));
  view.setUint16(0, 0xfeff, true);
  for (let n = 0; n < text.length; n++) view.setUint16(2 * n + 2, text.charCodeAt(n), true);
  return new Uint8Array(view.buffer);
}
