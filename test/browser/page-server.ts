/** A page that loads the built package as it is, from a server of files; with or without cross-origin isolation. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
/** What makes a page cross-origin isolated, so that it has SharedArrayBuffer. */
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Serves an empty page at / and the files of dist/ under their names. */
export async function servePage({
  isolated,
}: {
  isolated: boolean;
}): Promise<{ url: string; server: Server }> {
  const server = createServer(async ({ url = '/' }, response) => {
    const headers = isolated ? ISOLATION : {};
    const path = new URL(url, 'http://localhost').pathname;
    if (path === '/') {
      response
        .writeHead(200, { ...headers, 'content-type': 'text/html' })
        .end('<!doctype html><title>test</title>');
      return;
    }
    const bytes = path.startsWith('/dist/') ? await readFile(ROOT + path).catch(() => null) : null;
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(bytes ? 200 : 404, { ...headers, 'content-type': type }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}
