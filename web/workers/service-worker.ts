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
  event.respondWith(NEVER_CHANGES.test(path) ? cacheFirst(request) : networkFirst(request));
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

async function cacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetchAndCache(request);
}

async function networkFirst(request: Request): Promise<Response> {
  const cached = await caches.match(request);
  if (!cached) return fetchAndCache(request);
  const timeout = new Promise<Response>((resolve) => setTimeout(() => resolve(cached), NETWORK_TIMEOUT_MS));
  return Promise.race([fetchAndCache(request).catch(() => cached), timeout]);
}

async function fetchAndCache(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.ok) {
    const cache = await caches.open(CACHE);
    // Removes older versions of the same file.
    await cache.delete(request, { ignoreSearch: true });
    await cache.put(request, response.clone());
  }
  return response;
}
