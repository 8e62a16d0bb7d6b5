/**
 * A typical static host: compressed files under a path, with the content-security policy that the page must support.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  mjs: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
  wasm: 'application/wasm',
  woff2: 'font/woff2',
  json: 'application/json',
  webmanifest: 'application/manifest+json',
};

export interface StaticServer {
  /** URL of the page. */
  url: string;
  /** Sent files: path relative to the page, and compressed size. */
  sent: { path: string; bytes: number }[];
  close(): Promise<void>;
}

/** @param isolated send the headers for cross-origin isolation, which allow shared memory */
export async function serveFolder(folder: string, { isolated = false } = {}): Promise<StaticServer> {
  const prefix = '/some/where/';
  const sent: StaticServer['sent'] = [];
  const compressed = new Map<string, { changed: number; body: Buffer }>();
  const bodyOf = (file: string) => {
    const changed = statSync(file).mtimeMs;
    const known = compressed.get(file);
    if (known?.changed === changed) return known.body;
    const body = gzipSync(readFileSync(file));
    compressed.set(file, { changed, body });
    return body;
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    const path = pathname.startsWith(prefix)
      ? decodeURIComponent(pathname.slice(prefix.length)) || 'index.html'
      : '';
    const file = join(folder, path);
    if (path === '' || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end('not found');
      return;
    }
    const body = bodyOf(file);
    sent.push({ path, bytes: body.length });
    response.writeHead(200, {
      'content-type': TYPES[path.split('.').pop() ?? ''] ?? 'application/octet-stream',
      'content-encoding': 'gzip',
      'content-security-policy': POLICY,
      ...(isolated && {
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      }),
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref(); // a test that fails before it closes its server must not keep the process
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
