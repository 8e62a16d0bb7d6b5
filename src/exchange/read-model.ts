/** Reads a model file of another tool: tells the format by the first bytes. Nothing in the file is executed. */
import type { ForeignModel, ReadBeside } from './foreign-model.js';

/**
 * @param bytes the whole file
 * @param name of the file, for messages
 * @param readBeside reads external data of an ONNX file
 * @throws UserError if the file is damaged, of an unknown kind, or holds what scanstroke cannot use
 */
export async function readForeignModel(
  _bytes: Uint8Array,
  _name: string,
  _readBeside: ReadBeside,
): Promise<ForeignModel> {
  throw new Error('to be written');
}
