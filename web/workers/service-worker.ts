/**
 * Keeps the page for times without a network: its own files from the first visit on, and the models that are offered.
 * What carries a hash or a version in its address never changes and is taken from the cache; all else is asked of the
 * server first.
 * The API is left alone. The build puts in the list of files and the version.
 */
import type { ModelList } from '#src/serve/api.js';

/** What of these events is needed here; TypeScript has no library for service workers alone. */
interface LifeEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface RequestEvent extends LifeEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = self as unknown as ServiceWorkerGlobalScope;
const VERSION = '__VERSION__';
const FILES = '__FILES__' as unknown as string[];
const PREFIX = `scanstroke ${scope.registration.scope} `;
const CACHE = PREFIX + VERSION;
/** A network that is slower than this is as good as none, where there is a copy. */
const NETWORK_TIMEOUT_MS = 3000;
/** Models beyond this are only kept when they are used. */
const MAX_MODEL_BYTES = 32 * 2 ** 20;
const NEVER_CHANGES = /^assets\/|^models\/.*\?v=/;

scope.addEventListener('install', (event) => {
  (event as LifeEvent).waitUntil(keep());
});

scope.addEventListener('activate', (event) => {
  (event as LifeEvent).waitUntil(forgetOthers().then(() => scope.clients.claim()));
});

scope.addEventListener('fetch', (event) => {
  const { request } = event as RequestEvent;
  const path = pathOf(request);
  if (request.method !== 'GET' || path === null || path.startsWith('api/')) return;
  (event as RequestEvent).respondWith(NEVER_CHANGES.test(path) ? cacheFirst(request) : networkFirst(request));
});

/** Relative to the page; null if it is none of the page's. */
function pathOf(request: Request): string | null {
  const { scope: base } = scope.registration;
  return request.url.startsWith(base) ? request.url.slice(base.length) : null;
}

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(['./', ...FILES]);
  // The models may be many, or gone: the page works without them, and keeps those that it uses.
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

async function forgetOthers(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function cacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetched(request);
}

async function networkFirst(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (!kept) return fetched(request);
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), NETWORK_TIMEOUT_MS));
  return Promise.race([fetched(request).catch(() => kept), late]);
}

async function fetched(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.ok) {
    const cache = await caches.open(CACHE);
    // An older version of the same has had its time.
    await cache.delete(request, { ignoreSearch: true });
    await cache.put(request, response.clone());
  }
  return response;
}
