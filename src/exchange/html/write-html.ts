/** Writes a model and the page as one HTML file that works from the disk, without a network. */
import type { ExportableModel, ExportedFile } from '../exportable-model.js';

export async function writeHtml(_model: ExportableModel): Promise<ExportedFile[]> {
  throw new Error('to be written');
}
