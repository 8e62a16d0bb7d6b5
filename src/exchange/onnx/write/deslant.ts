/** Removal of slant as ONNX operators: the rule of data/deslant.ts, with its roundings, since all of it is in float64. */
import { MOST_SLANT } from '../../../data/deslant.js';
import { DATA_TYPE } from '../onnx-fields.js';
import type { GraphBuilder } from './graph-builder.js';

/** A denominator below this stands for zero: a mass is 0 or 1 or more, and two pixel rows with ink spread by 0.5 or more. */
const NEARLY_ZERO = 1e-3;

/**
 * Adds the removal of slant from grey pictures.
 * @param pixels float32 [batch, 1, height, width], 0 to 255
 * @returns float32 [batch, 1, height, width], whole numbers
 */
export function addDeslant(
  graph: GraphBuilder,
  pixels: string,
  { height, width }: { height: number; width: number },
): string {
  const wide = (name: string, value: string) => graph.node('Cast', name, [value], { to: DATA_TYPE.double });
  const numbers = (name: string, shape: readonly number[], values: Float32Array) =>
    wide(`slant_${name}`, graph.constant(`slant_${name}_f32`, shape, values));
  const number = (name: string, value: number) => numbers(name, [], Float32Array.of(value));
  const apply = (operator: string, name: string, ...inputs: string[]) => graph.node(operator, name, inputs);
  const rows = numbers(
    'row_numbers',
    [1, 1, height, 1],
    Float32Array.from({ length: height }, (_, y) => y),
  );
  const columns = numbers(
    'column_numbers',
    [1, 1, 1, width],
    Float32Array.from({ length: width }, (_, x) => x),
  );

  // Moments of the ink, as in slantOf.
  const ink = wide('ink', pixels);
  const axes = graph.integers('picture_axes', [1, 2, 3]);
  const sum = (name: string, value: string) => graph.node('ReduceSum', name, [value, axes], { keepdims: 1 });
  const inkY = apply('Mul', 'ink_y', ink, rows);
  const inkX = apply('Mul', 'ink_x', ink, columns);
  const one = number('one', 1);
  const mass = apply('Max', 'mass', sum('ink_sum', ink), one);
  const sumX = sum('sum_x', inkX);
  const sumY = sum('sum_y', inkY);
  const sumXy = sum('sum_xy', apply('Mul', 'ink_xy', inkX, rows));
  const sumYy = sum('sum_yy', apply('Mul', 'ink_yy', inkY, rows));
  const middle = apply('Div', 'middle', sumY, mass);
  const spread = apply('Sub', 'spread', sumYy, apply('Mul', 'spread_of_middle', sumY, middle));
  const covariance = apply('Sub', 'covariance', sumXy, apply('Mul', 'covariance_of_middle', sumX, middle));
  const denominator = apply('Max', 'denominator', spread, number('nearly_zero', NEARLY_ZERO));
  const most = number('most_slant', MOST_SLANT);
  const least = number('least_slant', -MOST_SLANT);
  const slope = graph.node('Clip', 'slope', [
    apply('Div', 'free_slope', covariance, denominator),
    least,
    most,
  ]);

  // Each pixel row moves by a whole number of pixels and a share of one.
  const shift = apply('Mul', 'shift', slope, apply('Sub', 'rows_from_middle', rows, middle));
  const whole = graph.node('Floor', 'whole_shift', [shift]);
  const share = apply('Sub', 'shift_share', shift, whole);
  const from = apply('Add', 'from', whole, columns);
  const frame = graph.integers('frame', [0, 0, 0, 1, 0, 0, 0, 1]);
  const framed = graph.node('Pad', 'framed', [pixels, frame]);
  const bounds = [number('first_column', 0), number('last_column', width + 1)];
  /** The pixels `offset` columns after `from`, of the framed picture; outside of it is paper. */
  const beside = (name: string, offset: string) => {
    const place = graph.node('Clip', `${name}_place`, [
      apply('Add', `${name}_from`, from, offset),
      ...bounds,
    ]);
    const index = graph.node('Cast', `${name}_index`, [place], { to: DATA_TYPE.int64 });
    return wide(name, graph.node('GatherElements', `${name}_pixels`, [framed, index], { axis: 3 }));
  };
  const left = beside('left', one);
  const right = beside('right', number('two', 2));
  const part = apply('Mul', 'part', share, apply('Sub', 'step', right, left));
  const blended = apply('Add', 'blended', apply('Add', 'left_and_part', left, part), number('half', 0.5));
  const upright = graph.node('Floor', 'upright_f64', [blended]);
  return graph.node('Cast', 'upright', [upright], { to: DATA_TYPE.float });
}
