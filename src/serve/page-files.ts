/**
 * The built page in memory. Requests are looked up by name among the files read at the start, so no name can reach
 * another file.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface PageFile {
  type: string;
  bytes: Buffer;
  /** Null if compression does not make the file smaller. */
  gzip: Buffer | null;
  etag: string;
  /** The name contains a hash of the content. */
  lasting: boolean;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** The files of a folder by URL path, `/` for index.html. Empty if the page is not built. */
export function readPage(folder: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    if (!statSync(path).isFile()) continue;
    const address = `/${name.split(sep).join('/')}`;
    const bytes = readFileSync(path);
    const compressed = gzipSync(bytes);
    const file: PageFile = {
      type: TYPES[extname(name)] ?? 'application/octet-stream',
      bytes,
      gzip: compressed.length < bytes.length ? compressed : null,
      etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`,
      lasting: address.startsWith('/assets/'),
    };
    files.set(address, file);
    if (address === '/index.html') files.set('/', file);
  }
  return files;
}

/** The answer at `/` if the page is not built. */
export const NO_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>scanstroke</title>
<h1>The page has not been built</h1>
<p>Run <code>npm run build</code> and start the server anew. The interface for programs works without it:
<a href="/api/models">/api/models</a>, <a href="/api/runs">/api/runs</a>, <a href="/api/openapi.json">/api/openapi.json</a>.</p>
</html>
`;
