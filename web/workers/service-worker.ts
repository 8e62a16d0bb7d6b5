/**
 * Caches the page for offline use: its files at the first visit, and its models. URLs with a hash or a version never
 * change, so the cache answers them. For all other URLs the network comes first. Requests to the API are not handled.
 * The build inserts the list of files and the version (vite.config.ts).
 */
import type { ModelList } from '#src/serve/api.js';

const scope = self as unknown as ServiceWorkerGlobalScope;
const VERSION = '__VERSION__';
const FILES = '__FILES__' as unknown as string[];
const PREFIX = `scanstroke ${scope.registration.scope} `;
const CACHE = PREFIX + VERSION;
/** After this time a cached copy answers in place of a slow network. */
const NETWORK_TIMEOUT_MS = 3000;
/** The first visit caches models up to this total; further models are cached when used. */
const MAX_MODEL_BYTES = 32 * 2 ** 20;
const NEVER_CHANGES = /^assets\/|^models\/.*\?v=/;

scope.addEventListener('install', (event) => {
  event.waitUntil(fillCache());
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(deleteOldCaches().then(() => scope.clients.claim()));
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const path = pathOf(request);
  if (request.method !== 'GET' || path === null || path.startsWith('api/')) return;
  event.respondWith(NEVER_CHANGES.test(path) ? cacheFirst(event) : networkFirst(event));
});

/** The URL relative to the page; null for URLs outside of the page. */
function pathOf(request: Request): string | null {
  const { scope: base } = scope.registration;
  return request.url.startsWith(base) ? request.url.slice(base.length) : null;
}

async function fillCache(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(['./', ...FILES]);
  // The page works without cached models, so a missing list or model must not fail the installation.
  const index = await fetch('models/index.json').catch(() => null);
  if (!index?.ok) return;
  await cache.put('models/index.json', index.clone());
  const { models } = (await index.json()) as ModelList;
  let bytes = 0;
  for (const model of models) {
    bytes += model.bytes;
    if (bytes > MAX_MODEL_BYTES) break;
    await cache.add(`models/${model.file}?v=${model.version}`).catch(() => {});
  }
}

async function deleteOldCaches(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function cacheFirst(event: FetchEvent): Promise<Response> {
  return (await cachedCopy(event.request)) ?? fetchAndCache(event);
}

async function networkFirst(event: FetchEvent): Promise<Response> {
  const cached = await cachedCopy(event.request);
  if (!cached) return fetchAndCache(event);
  const fetched = fetchAndCache(event).catch(() => cached);
  event.waitUntil(fetched); // also after the time limit the new copy is kept
  const timeout = new Promise<Response>((resolve) => setTimeout(() => resolve(cached), NETWORK_TIMEOUT_MS));
  return Promise.race([fetched, timeout]);
}

/** Storage that the browser refuses is as good as empty: the page must work without it. */
function cachedCopy(request: Request): Promise<Response | undefined> {
  return caches.match(request).catch(() => undefined);
}

/** The answer does not wait for the cache, whose disk may be slow or full. */
async function fetchAndCache(event: FetchEvent): Promise<Response> {
  const response = await fetch(event.request);
  if (response.ok) event.waitUntil(keep(event.request, response.clone()).catch(() => {}));
  return response;
}

async function keep(request: Request, response: Response): Promise<void> {
  const cache = await caches.open(CACHE);
  // Removes older versions of the same model. A query after the page's own address is no version.
  if (pathOf(request)?.startsWith('models/')) await cache.delete(request, { ignoreSearch: true });
  await cache.put(request, response);
}
