/** Entry point: starts the session, the recognition worker, and the service worker for offline use. */
import './style/shared.js';
import './style/connection.css';
import './style/modes.css';
import { render } from 'preact';
import { App, type LazyViews } from './app.js';
import { DrawSession } from './draw/draw-session.js';
import { RecognitionClient } from './recognition/client.js';
import { MODEL_FILES } from './recognition/models.js';
import { DrawModes } from './several/modes.js';
import type { BackendWish } from './workers/protocol.js';

const LAZY_VIEWS: LazyViews = {
  several: {
    title: 'Several symbols',
    anywhere: true,
    within: 'draw',
    load: async () => ({ default: (await import('./several/several-page.js')).severalPage(session, client) }),
  },
  teach: { title: 'Teach', anywhere: true, load: () => import('./teach/teach-page.js') },
  runs: { title: 'Runs', load: () => import('./runs/runs-page.js') },
  inspect: { title: 'Inspect', load: () => import('./inspect/inspect-page.js') },
};
const worker = new Worker(new URL('./workers/recognition.ts', import.meta.url), { type: 'module' });
const client = new RecognitionClient(worker, backendOf(location.search));
const session = new DrawSession(client, MODEL_FILES);
render(
  <App session={session} lazyViews={LAZY_VIEWS} drawModes={<DrawModes current="draw" />} />,
  document.getElementById('page') as HTMLElement,
);
worker.onerror = () => session.fail('The recognition worker cannot start. Reload the page.');
void session.start();

/** `?backend=webgpu` and `?backend=wasm` in the page's address choose what computes. */
function backendOf(query: string): BackendWish {
  const wish = new URLSearchParams(query).get('backend');
  return wish === 'webgpu' || wish === 'wasm' ? wish : 'auto';
}

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Browsers allow service workers on https and localhost only. Elsewhere the page works, but not offline.
  navigator.serviceWorker.register('service-worker.js').catch(() => {});
}
