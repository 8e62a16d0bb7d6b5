/** The process of `findGpu`: prints `hardware` or `software`, or fails if there is no GPU. */
import { openDawn } from './open-dawn.js';

const backend = await openDawn();
process.stdout.write(backend.device.isSoftware ? 'software\n' : 'hardware\n');
backend.close();
