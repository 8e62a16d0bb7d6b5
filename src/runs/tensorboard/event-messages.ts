/**
 * The messages of TensorBoard's event files: `Event` and `Summary` of TensorFlow
 * (https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto) and the plugin data of hparams
 * (https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/plugin_data.proto).
 */
import { ProtobufWriter } from '../../formats/protobuf-writer.js';

const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SESSION_LOG = { status: 1 } as const;
const SESSION_START = 1;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, image: 4, tensor: 8, metadata: 9 } as const;
const IMAGE = { height: 1, width: 2, colorspace: 3, encoded: 4 } as const;
const RGBA = 4;
const METADATA = { pluginData: 1 } as const;
const PLUGIN_DATA = { pluginName: 1, content: 2 } as const;
const TENSOR = { dtype: 1, shape: 2, stringValue: 8 } as const;
const DT_STRING = 7;
const SHAPE = { dim: 2 } as const;
const DIM = { size: 1 } as const;
const HPARAMS = { version: 1, sessionStart: 3, sessionEnd: 4 } as const;
const SESSION_START_INFO = { hparams: 1, startTime: 5 } as const;
const SESSION_END_INFO = { status: 1, endTime: 2 } as const;
const STATUS_SUCCESS = 1;
/** An entry of a map, and google.protobuf.Value. */
const ENTRY = { key: 1, value: 2 } as const;
const ANY = { number: 2, text: 3, switch: 4 } as const;

/** One value of a summary. */
export type SummaryValue = ProtobufWriter;

/** A value that TensorBoard shows as a hyperparameter. */
export type HyperParameter = number | string | boolean;

/** A number over the steps. */
export function scalar(tag: string, value: number): SummaryValue {
  return tagged(tag).float(VALUE.simpleValue, value);
}

/** A picture. @param png the bytes of a PNG file, whose size is read from it */
export function image(tag: string, png: Uint8Array): SummaryValue {
  // Signature, length and name of the chunk IHDR; then width and height.
  const header = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return tagged(tag).message(
    VALUE.image,
    new ProtobufWriter()
      .int(IMAGE.height, header.getUint32(20))
      .int(IMAGE.width, header.getUint32(16))
      .int(IMAGE.colorspace, RGBA)
      .bytes(IMAGE.encoded, png),
  );
}

/** A text in Markdown. */
export function text(tag: string, markdown: string): SummaryValue {
  const shape = new ProtobufWriter().message(SHAPE.dim, new ProtobufWriter().int(DIM.size, 1));
  return tagged(tag)
    .message(VALUE.metadata, metadata('text'))
    .message(
      VALUE.tensor,
      new ProtobufWriter()
        .int(TENSOR.dtype, DT_STRING)
        .message(TENSOR.shape, shape)
        .text(TENSOR.stringValue, markdown),
    );
}

/** The settings of a run, for the dashboard HParams. @param seconds when the run began, since 1970 */
export function runStart(
  settings: readonly (readonly [name: string, value: HyperParameter])[],
  seconds: number,
): SummaryValue {
  const info = new ProtobufWriter();
  for (const [name, value] of settings) {
    const entry = new ProtobufWriter().text(ENTRY.key, name).message(ENTRY.value, anyOf(value));
    info.message(SESSION_START_INFO.hparams, entry);
  }
  info.double(SESSION_START_INFO.startTime, seconds);
  return hparams('_hparams_/session_start_info', HPARAMS.sessionStart, info);
}

/** That a run has ended. @param seconds when, since 1970 */
export function runEnd(seconds: number): SummaryValue {
  const info = new ProtobufWriter()
    .int(SESSION_END_INFO.status, STATUS_SUCCESS)
    .double(SESSION_END_INFO.endTime, seconds);
  return hparams('_hparams_/session_end_info', HPARAMS.sessionEnd, info);
}

/** @param seconds since 1970 */
export function summaryEvent(seconds: number, step: number, values: readonly SummaryValue[]): Uint8Array {
  const summary = new ProtobufWriter();
  for (const value of values) summary.message(SUMMARY.value, value);
  return event(seconds, step).message(EVENT.summary, summary).finish();
}

/** The first event of a file. */
export function versionEvent(seconds: number): Uint8Array {
  return new ProtobufWriter()
    .double(EVENT.wallTime, seconds)
    .text(EVENT.fileVersion, 'brain.Event:2')
    .finish();
}

/** Says that events of earlier files are void from this step on. */
export function restartEvent(seconds: number, step: number): Uint8Array {
  const log = new ProtobufWriter().int(SESSION_LOG.status, SESSION_START);
  return event(seconds, step).message(EVENT.sessionLog, log).finish();
}

function event(seconds: number, step: number): ProtobufWriter {
  return new ProtobufWriter().double(EVENT.wallTime, seconds).int(EVENT.step, step);
}

function tagged(tag: string): ProtobufWriter {
  return new ProtobufWriter().text(VALUE.tag, tag);
}

function metadata(plugin: string, content?: ProtobufWriter): ProtobufWriter {
  const data = new ProtobufWriter().text(PLUGIN_DATA.pluginName, plugin);
  if (content) data.message(PLUGIN_DATA.content, content);
  return new ProtobufWriter().message(METADATA.pluginData, data);
}

/** TensorBoard reads the data of this plugin from the metadata; the tensor is empty. */
function hparams(tag: string, kind: number, info: ProtobufWriter): SummaryValue {
  const content = new ProtobufWriter().int(HPARAMS.version, 0).message(kind, info);
  return tagged(tag).message(VALUE.metadata, metadata('hparams', content));
}

function anyOf(value: HyperParameter): ProtobufWriter {
  switch (typeof value) {
    case 'number':
      return new ProtobufWriter().double(ANY.number, value);
    case 'boolean':
      return new ProtobufWriter().int(ANY.switch, Number(value));
    default:
      return new ProtobufWriter().text(ANY.text, value);
  }
}
