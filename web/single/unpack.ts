/**
 * The first script of a page in one file: unpacks style, code and model from the script elements that hold them, then
 * starts the page (main.tsx). The policy in the document allows exactly these scripts, this style and the worker.
 */

import { unpackParcel } from '#src/formats/parcel.js';
import { fromPlanes } from '#src/formats/safetensors/float-planes.js';
import './pieces.js';

async function start(): Promise<void> {
  const [style, script, worker, kernels] = await piecesIn('code');
  const [about, planes] = await piecesIn('model');
  globalThis.pieces = { worker, kernels, about, checkpoint: fromPlanes(planes) };
  append(document.createElement('style'), style);
  append(Object.assign(document.createElement('script'), { type: 'module' }), script);
}

function piecesIn(id: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const element = document.getElementById(id) as HTMLElement;
  const pieces = unpackParcel(element.textContent ?? '');
  element.remove();
  return pieces;
}

function append(element: HTMLElement, content: Uint8Array): void {
  element.textContent = new TextDecoder().decode(content);
  document.head.append(element);
}

start().catch((reason: unknown) => {
  const page = document.getElementById('page') as HTMLElement;
  page.textContent = `This page cannot be unpacked. It needs Chrome 111, Firefox 115, Safari 16.4 or newer, and a complete file. ${reason}`;
});
