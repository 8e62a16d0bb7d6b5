/** The recognition worker, so that the pen never waits. Fetches the WASM kernels that lie beside it. */
import { openBackend } from 'scanstroke';
import { answerRequests } from './answer-requests.js';

answerRequests(openBackend('wasm'));
