/**
 * Protects users from hostile files, requests and arguments: a short run of the fuzzer over all targets, and every
 * finding of earlier runs. Protects the fuzzer, too: it must see what it is there to see.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, describe, test } from 'node:test';
import { Random } from '#src/random.js';
import { runCampaign } from './campaign.js';
import { fixturesOf } from './fixtures.js';
import { encodeJson, minimise } from './minimise.js';
import { tallyTable } from './tally.js';
import { isFinding, messageClass } from './target.js';
import { ACTIONS, inputFor } from './targets/misbehaving-target.js';
import { openTarget, TARGETS } from './targets.js';
import { Watchdog } from './watchdog.js';

const INPUTS = 2000;
const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
// Processor time and memory of another process are read from /proc.
const skip = process.platform !== 'linux' && 'the watchdog needs Linux';

describe('the watchdog', { skip }, () => {
  const watchdogs = [new Watchdog(folder), new Watchdog(folder)];
  const [watchdog] = watchdogs;
  after(() => {
    for (const each of watchdogs) each.close();
  });

  const EXPECTED: Record<string, RegExp> = {
    accept: /^accepted/,
    refuse: /^refused: refused: found 3/,
    throw: /^error: TypeError: cannot read/,
    'break lines': /^message: the message contains U\+000a/,
    print: /^noise: output: noise/,
    compute: /^hang: computes for more than 1000 ms/,
    wait: /^hang: waits for more than 4000 ms/,
    allocate: /^memory: /,
    'fill the heap': /^(memory|hang): /,
    exit: /^crash: the process ended with exit code 3/,
    abort: /^crash: the process ended with signal SIGABRT/,
    'reject later': /^rejection: unhandledRejection: Error: nobody awaits this/,
    'leave a file open': /^files: /,
  };

  test('sees everything that a reader may not do, and goes on', async () => {
    assert.deepEqual(Object.keys(EXPECTED), ACTIONS);
    const actions = Object.entries(EXPECTED);
    // Two halves at once: `wait` and `leave a file open` take seconds by doing nothing.
    const middle = actions.findIndex(([action]) => action === 'wait') + 1;
    const tryHalf = async (half: Watchdog, n: number) => {
      for (const [action, expected] of n === 0 ? actions.slice(0, middle) : actions.slice(middle)) {
        const outcome = await half.try('misbehaving', inputFor(action), true);
        const told = 'message' in outcome ? `${outcome.kind}: ${outcome.message}` : outcome.kind;
        assert.match(told, expected, action);
      }
    };
    await Promise.all(watchdogs.map(tryHalf));
  });

  test('counts every input once, also around those that end the process', async () => {
    const [inputs, seed] = [60, 5];
    let counted = 0;
    const kinds = new Set<string>();
    // A campaign of its own: the action follows from the index.
    await watchdog.batch({ target: 'misbehaving', seed, from: 0, end: inputs }, (counts) => {
      const refused = Object.values(counts.refused).reduce((sum, count) => sum + count, 0);
      counted += counts.accepted + refused + counts.findings.length;
      for (const { kind } of counts.findings) kinds.add(kind);
    });
    assert.equal(counted, inputs);
    assert.deepEqual([...kinds].sort(), ['error', 'message']);
  });
});

test('the same seed and index give the same input', async () => {
  for (const name of ['png', 'json-input', 'checkpoint']) {
    const { make } = await openTarget(name, folder);
    assert.deepEqual(make(new Random(7, 1)), make(new Random(7, 1)));
    assert.notDeepEqual(make(new Random(7, 1)), make(new Random(7, 2)));
  }
});

test('findings are made smaller, and stay findings', async () => {
  const budget = { tries: 2000, until: Number.POSITIVE_INFINITY };
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const holdsBoth = async (input: Uint8Array) => input.includes(7) && input.includes(200);
  assert.deepEqual([...(await minimise(bytes, 'bytes', holdsBoth, { ...budget }))], [7, 200]);
  const value = encodeJson({ a: [1, { b: 'long text with x in it' }, 3], c: null });
  const holdsX = async (input: Uint8Array) => /"b":"[^"]*x/.test(Buffer.from(input).toString());
  const smallest = await minimise(value, 'json', holdsX, { ...budget });
  assert.equal(Buffer.from(smallest).toString(), '{"a":[{"b":"x"}]}');
});

test('messages of one cause are one class', () => {
  const of = (n: number, name: string) => `${name}:${n}: expected ${n} values, found "${name}"`;
  assert.equal(messageClass(of(3, '/tmp/a/b')), messageClass(of(12.5, '/dev/shm/x')));
  assert.notEqual(messageClass('no header'), messageClass('no tensors'));
});

test('nothing gets through: inputs of all targets', { skip, timeout: 300_000 }, async () => {
  const problems: string[] = [];
  const tallies = await runCampaign({
    inputs: INPUTS,
    seed: 11,
    targets: TARGETS.map(({ name }) => name),
    children: 2,
    folder,
    maxMs: 240_000,
    minimises: false,
    onFinding: ({ target, index, kind, message }) =>
      problems.push(`npm run fuzz -- --target ${target} --replay 11:${index}: ${kind}: ${message}`),
  });
  assert.deepEqual(
    problems,
    [],
    tallyTable(tallies, (name) => name),
  );
  for (const [name, { inputs, accepted, refused }] of tallies) {
    assert.ok(inputs > 0, `${name}: no input`);
    // Mutations that are too small or too large test nothing.
    assert.ok(accepted > 0 && refused > 0, `${name}: ${accepted} accepted, ${refused} refused of ${inputs}`);
  }
});

describe('findings of earlier runs', { skip }, () => {
  const watchdog = new Watchdog(folder);
  after(() => watchdog.close());
  for (const { name: target } of TARGETS) {
    for (const { name, input } of fixturesOf(target)) {
      test(`${target}/${name}`, async () => {
        const outcome = await watchdog.try(target, input, name.startsWith('files-'));
        assert.ok(!isFinding(outcome), 'message' in outcome ? outcome.message : '');
      });
    }
  }
});
