/** Protects ONNX files by ONNX's own checker, and strict shape inference that finds every size (Debian: python3-onnx). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type OnnxOptions, writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { everyConfig, exampleOf, PICTURES } from './examples.js';

const SCRIPT = fileURLToPath(new URL('../../../../test/exchange/onnx/check_onnx.py', import.meta.url));
const PYTHONS = ['/usr/bin/python3', 'python3'];

/** Runs the script. @returns what it prints, or null if no Python here has onnx */
function check(argument: string): unknown {
  for (const python of PYTHONS) {
    const { status, stdout, stderr } = spawnSync(python, [SCRIPT, argument], { encoding: 'utf8' });
    if (status === 0) return JSON.parse(stdout);
    if (status !== 3 && status !== null) throw new Error(stderr);
  }
  return null;
}

const onnx = check('--version') as { version: string; opset: number } | null;
const missing =
  onnx || process.env.SCANSTROKE_NO_SKIPS
    ? undefined
    : 'ONNX files are not checked: no onnx for Python; on Debian: apt-get install python3-onnx';

/** The settings that are tried with every network. */
const SETTINGS: readonly OnnxOptions[] = [
  {},
  { probabilities: true },
  { initialStates: true },
  { withPreprocessing: true, probabilities: true },
  { withPreprocessing: true, initialStates: true },
  { streaming: true },
  { streaming: true, probabilities: true },
];

test('the checker and strict shape inference accept every network with every option', {
  skip: missing,
}, async () => {
  assert.ok(onnx, 'no onnx for Python; on Debian: apt-get install python3-onnx');
  const folder = temporaryFolder();
  let written = 0;
  for (const [n, config] of everyConfig().entries()) {
    const preprocessing = PICTURES[n % PICTURES.length];
    const { inputSize, sequenceLength } = preprocessing;
    const { model } = await exampleOf({ ...config, inputSize, sequenceLength }, preprocessing);
    for (const [s, options] of SETTINGS.entries()) {
      if (options.streaming && (config.bidirectional || config.head === 'flatten')) continue;
      // Two layers in every opset that this onnx knows, the others in one.
      const newest = config.numLayers === 2 ? Math.min(onnx.opset, 22) : 13;
      for (let opset = 13; opset <= newest; opset++) {
        const [{ name, bytes }] = writeOnnx(model, { ...options, opset });
        writeFileSync(join(folder, `${s}-${opset}-${name}`), bytes);
        written++;
      }
    }
  }
  const problems = Object.entries(check(folder) as Record<string, string | null>);
  assert.equal(problems.length, written);
  assert.deepEqual(
    problems.filter(([, problem]) => problem !== null),
    [],
  );
});

test('the checker finds an unknown operator, shape inference a wrong axis', { skip: missing }, async () => {
  const folder = temporaryFolder();
  const { model } = await exampleOf({ head: 'mean', numLayers: 1 });
  const [{ bytes }] = writeOnnx(model, {});
  /** The file with other bytes at a place after a text. */
  const edited = (name: string, after: string, distance: number, value: number) => {
    const copy = bytes.slice();
    copy[Buffer.from(copy).indexOf(after) + distance] = value;
    writeFileSync(join(folder, name), copy);
  };
  edited('operator.onnx', 'Gemm', 3, 'n'.charCodeAt(0));
  edited('axis.onnx', 'Flatten', 'Flatten'.length + 9, 9);
  const problems = check(folder) as Record<string, string | null>;
  assert.match(problems['operator.onnx'] ?? '', /Gemn/);
  assert.match(problems['axis.onnx'] ?? '', /Invalid value\(9\)/);
});
