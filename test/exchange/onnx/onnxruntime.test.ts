/** Protects ONNX files in ONNX Runtime for Node.js: it gives our logits, in every opset and with every option. */
import { test } from 'node:test';
import { CASES, compare } from './cases.js';
import { runFile } from './run-file.js';
import { findRuntime } from './runtime.js';

const { ort, missing } = await findRuntime();

for (const [topic, casesOf] of Object.entries(CASES)) {
  test(`ONNX Runtime: ${topic}`, { skip: missing }, async () => {
    for (const each of await casesOf()) compare(each, await runFile(ort!, each.file));
  });
}
