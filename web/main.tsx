/** Entry point: starts the session, the recognition worker, and the service worker for offline use. */
import 'virtual:palette.css';
import './style/base.css';
import './style/draw.css';
import { render } from 'preact';
import { App } from './app.js';
import { DrawSession } from './draw/draw-session.js';
import { RecognitionClient } from './recognition/client.js';

const worker = new Worker(new URL('./workers/recognition.ts', import.meta.url), { type: 'module' });
const session = new DrawSession(new RecognitionClient(worker));
render(<App session={session} />, document.getElementById('page') as HTMLElement);
worker.onerror = () => session.fail('The recognition worker cannot start. Reload the page.');
void session.start();

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Browsers allow service workers on https and localhost only. Elsewhere the page works, but not offline.
  navigator.serviceWorker.register('service-worker.js').catch(() => {});
}
