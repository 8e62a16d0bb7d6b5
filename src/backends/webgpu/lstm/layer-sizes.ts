/** Sizes of an LSTM layer on the device. */
import type { Slice } from '../kernel.js';
import { deviceColumns, type LstmLayer, padded } from '../verbs.js';

export interface LayerSizes {
  /** I' or D·H' of the layer below: columns of the inputs. */ inputs: number;
  /** I of the parameters, without padding. */ inputSize: number;
  /** H */ hiddenSize: number;
  /** H' */ hidden: number;
  /** D */ directions: number;
}

export function sizesOf({ inputs, hiddenSize, tensors }: LstmLayer): LayerSizes {
  return {
    inputs: deviceColumns(inputs),
    inputSize: inputs.parts * inputs.size,
    hiddenSize,
    hidden: padded(hiddenSize),
    directions: tensors.length,
  };
}

/** WGSL: where the tensors of direction `direction` begin in the parameters. */
export function tensorFunctions({ tensors }: LstmLayer): string {
  const names = ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const;
  return names
    .map((name) => {
      const [first, second = first] = tensors.map((tensor) => tensor[name]);
      return `fn ${name}(direction: u32) -> u32 { return select(${first}u, ${second}u, direction == 1u); }\n`;
    })
    .join('');
}

/** WGSL: the column in the parameters of column `column` of the inputs; PAD for a column of padding. */
export function columnFunction({ inputs: { parts, size } }: LstmLayer): string {
  const width = padded(size);
  const pad = size === width ? '' : `  if (column % ${width}u >= ${size}u) { return PAD; }\n`;
  return `
const PAD = 0xffffffffu;
fn parameterColumn(column: u32) -> u32 {
${pad}  return ${parts === 1 ? 'column' : `column / ${width}u * ${size}u + column % ${width}u`};
}
`;
}

/** Words `first` … `first + words - 1` of a slice; `first` is a multiple of 64. */
export function partOf({ buffer, offset }: Slice, first: number, words: number): Slice {
  return { buffer, offset: offset + 4 * first, size: 4 * words };
}
