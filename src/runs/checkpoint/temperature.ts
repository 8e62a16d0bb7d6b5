/**
 * The temperature of a trained network: its logits are divided by this number before the softmax, so that probabilities
 * agree with accuracy (Guo et al. 2017). The file of a checkpoint holds it beside the weights, which stay as they are.
 */
import { between, readAs } from '../../formats/shape.js';

/** Range of a temperature. Beyond it, all probabilities are as good as 0 and 1, or as good as equal. */
export const MIN_TEMPERATURE = 0.01;
export const MAX_TEMPERATURE = 100;

const temperature = between(MIN_TEMPERATURE, MAX_TEMPERATURE);

/**
 * A temperature from a file or a program.
 * @param where names the value in messages
 * @throws UserError for anything but a number from 0.01 to 100
 */
export function readTemperature(value: unknown, where: string): number {
  return readAs(temperature, value, where);
}
