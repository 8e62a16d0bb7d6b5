// Serves the page: node examples/web-page/server.mjs digits.onnx
// First, once: npx scanstroke train --saving-path runs/my-run
//              npx scanstroke export runs/my-run --out digits.onnx --with-preprocessing --probabilities
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [model = 'digits.onnx', port = '8000'] = process.argv.slice(2);
if (!existsSync(model)) {
  console.error(`${model} does not exist; export it first, as at the top of this file`);
  process.exit(2);
}
const FILES = {
  '/': new URL('index.html', import.meta.url),
  '/page.mjs': new URL('page.mjs', import.meta.url),
  '/digits.onnx': pathToFileURL(model),
};
/** onnxruntime-web/dist in node_modules. */
const runtime = new URL('.', import.meta.resolve('onnxruntime-web'));
const TYPES = { html: 'text/html', mjs: 'text/javascript', wasm: 'application/wasm' };

/** The file behind an address: undefined if there is none. */
function fileFor(path) {
  const [, name] = path.match(/^\/onnxruntime-web\/([\w.-]+)$/) ?? [];
  return name ? new URL(name, runtime) : FILES[path];
}

const server = createServer(async (request, response) => {
  try {
    const file = fileFor(request.url);
    const type = TYPES[file.pathname.split('.').pop()] ?? 'application/octet-stream';
    response.setHeader('content-type', type).end(await readFile(file));
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
