/**
 * Entry point of a page in one file (src/exchange/html writes it): the Draw view with one model. There is no server, no
 * other file and no service worker; the worker, the kernels and the model come from the file.
 */
import '../style/shared.js';
import { render } from 'preact';
import type { ModelEntry } from '#src/serve/api.js';
import { App } from '../app.js';
import { DrawSession } from '../draw/draw-session.js';
import { RecognitionClient } from '../recognition/client.js';
import './pieces.js';

/** What write-html.ts says about the model. */
type About = Pick<ModelEntry, 'name' | 'kind' | 'classes' | 'parameters'>;

const { worker: code, kernels, about, checkpoint } = globalThis.pieces;
const model = JSON.parse(new TextDecoder().decode(about)) as About;
const entry: ModelEntry = {
  ...model,
  id: model.name,
  preset: null,
  test_accuracy: null,
  shipped: false,
  file: '',
  bytes: checkpoint.length,
  version: '',
};

const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
worker.postMessage(kernels);
const session = new DrawSession(new RecognitionClient(worker), {
  list: async () => ({ api: false, default: entry.id, models: [entry] }),
  checkpointOf: () => checkpoint,
});
render(
  <App session={session} lazyViews={{}} drawTitle={model.name} />,
  document.getElementById('page') as HTMLElement,
);
worker.onerror = () => session.fail('The recognition worker cannot start. Reload the page.');
void session.start();
