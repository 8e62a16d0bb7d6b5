/** Starts the page: its state, its worker, and the service worker that keeps it for times without a network. */
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
worker.onerror = () =>
  session.fail('The part of the page that recognises could not be started; load the page anew.');
void session.start();

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Not to be had on an address that is neither secure nor this machine's own: then the page needs its server.
  navigator.serviceWorker.register('service-worker.js').catch(() => {});
}
