/** Says what an exported network reads, for whoever calls it from another program. */
import type { ExportableModel } from '../../exchange/exportable-model.js';
import { plural } from '../../report/text.js';

/** What the network reads, as `--json` prints it. */
export interface ExportedInput {
  /** `pictures` or `drawings`; `sequences` if nothing is known of the examples. */
  of: 'pictures' | 'drawings' | 'sequences';
  /** Of pictures, in pixels; null for others. */
  width: number | null;
  height: number | null;
  /** 1 for grey, 3 for red, green and blue; null for others. */
  channels: number | null;
  /** Steps of a sequence; null for any number. */
  steps: number | null;
  /** Values of a step. */
  values: number;
  classes: number;
}

export function inputOf({ config, preprocessing, classes }: ExportableModel): ExportedInput {
  const common = { values: config.inputSize, classes: classes.length };
  if (preprocessing?.kind === 'images') {
    const { width, height, channels, sequenceLength } = preprocessing;
    return { of: 'pictures', width, height, channels, steps: sequenceLength, ...common };
  }
  const size = { width: null, height: null, channels: null, steps: config.sequenceLength };
  return { of: preprocessing === null ? 'sequences' : 'drawings', ...size, ...common };
}

/** One line, such as `reads pictures of 28 × 28 pixels (width × height), 1 channel (grey), as 28 steps of 28 values; 10 classes`. */
export function inputLine(input: ExportedInput): string {
  const { of, width, height, channels, steps, values, classes } = input;
  const colours = channels === 1 ? ' (grey)' : channels === 3 ? ' (red, green, blue)' : '';
  const examples =
    of === 'pictures'
      ? `pictures of ${width} × ${height} pixels (width × height), ${plural(channels ?? 1, 'channel')}${colours}`
      : of === 'drawings'
        ? 'drawings as moves of a pen'
        : 'sequences';
  const length = steps === null ? 'any number of steps' : plural(steps, 'step');
  return `reads ${examples}, as ${length} of ${plural(values, 'value')}; ${classes} classes`;
}
