/** ONNX Runtime for Node.js. Its package lacks the library of some machines, such as Macs with Intel processors. */
import type { Runtime } from './run-file.js';

/** The runtime, or in one line why tests with it are skipped. */
export async function findRuntime(): Promise<{ ort: Runtime | null; missing: string | undefined }> {
  try {
    const { default: ort } = await import('onnxruntime-node');
    return { ort, missing: undefined };
  } catch (error) {
    if (process.env.SCANSTROKE_NO_SKIPS) throw error;
    const [line] = (error as Error).message.split('\n');
    return { ort: null, missing: `ONNX files are not run: onnxruntime-node does not start here: ${line}` };
  }
}
