/**
 * Makes the networks in models/, which the package contains: trains them by the recipes of model-recipes.mjs, measures
 * them, writes their parameters as float16, and writes their model cards. Run it after a build; `npm run models` does both.
 *
 *   node scripts/models/make-models.mjs                              all networks
 *   node scripts/models/make-models.mjs --only digits                one of them
 *   node scripts/models/make-models.mjs --only digits --from RUN     from a finished run with the recipe's settings
 *   node scripts/models/make-models.mjs --quick --out build/trial    one epoch each and few samples, to try the script
 *
 * `--threads N` is for training and measuring; results do not depend on it.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeCheckpoint } from '../../dist/runs/checkpoint/checkpoint.js';
import { readTrainedModel } from '../../dist/runs/checkpoint/checkpoint-file.js';
import { readConfig, readSummary, writeSummary } from '../../dist/runs/run-files.js';
import { configToDisk, resolveConfig } from '../../dist/train/config/run-config.js';
import { evaluateRun, measureRefusals } from '../../dist/train/run/evaluate/evaluate-run.js';
import { withSlashes } from '../file-names.mjs';
import { modelCard } from './model-card.mjs';
import { FREE_SETTINGS, flagsOf, QUICK, RECIPES } from './model-recipes.mjs';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const MODELS = at('models');
const MAX_BYTES = 1_000_000;
/** Largest loss of accuracy by float16: 5 of 10,000 samples. */
const MAX_LOSS = 0.0005;
/** Points of the curve of an epoch that metrics.jsonl of a network keeps: the last of so many parts. */
const CURVE_POINTS = 5;

class Mistake extends Error {}

try {
  const options = readOptions();
  for (const name of options.names) await make(name, options);
} catch (error) {
  const isExpected = error instanceof Mistake || error?.name === 'UserError';
  console.error(`make-models: ${isExpected ? error.message : error?.stack}`);
  process.exitCode = isExpected ? 2 : 1;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      from: { type: 'string' },
      out: { type: 'string', default: MODELS },
      threads: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const { only, from = null, quick } = values;
  const out = resolve(values.out);
  const known = Object.keys(RECIPES);
  if (only !== undefined && !known.includes(only)) {
    throw new Mistake(`--only: there is no recipe ${only}; expected ${known.join(' or ')}`);
  }
  if (from !== null && only === undefined) {
    throw new Mistake('--from is the run of one network; add --only and its name');
  }
  if (from !== null && quick) throw new Mistake('--quick trains, and --from uses a run; give one of them');
  if (quick && out === MODELS) {
    throw new Mistake('--quick makes networks that are not for shipping; give --out and another folder');
  }
  const threads = values.threads === undefined ? null : Number(values.threads);
  if (threads !== null && !(Number.isInteger(threads) && threads >= 1)) {
    throw new Mistake(`--threads: expected a whole number from 1, found ${values.threads}`);
  }
  return { names: only === undefined ? known : [only], from, out, quick, threads };
}

/** Leaves out most points of the curves, which are three quarters of the file. */
function thinned(metrics) {
  const lines = metrics
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return lines
    .map(({ curve, ...epoch }) => {
      const size = Math.ceil(curve.length / CURVE_POINTS);
      const kept = curve.filter((_, n) => n % size === size - 1 || n === curve.length - 1);
      return `${JSON.stringify({ ...epoch, curve: kept })}\n`;
    })
    .join('');
}

async function make(name, { from, out, quick, threads }) {
  const recipe = { ...RECIPES[name] };
  if (quick) recipe.options = { ...recipe.options, ...QUICK };
  say(name, from === null ? 'training' : `from ${from}`);
  if (from !== null) await checkRun(from, recipe);
  mkdirSync(at('build'), { recursive: true });
  const work = mkdtempSync(at(`build/model-${name}-`));
  const run = from ?? join(work, 'run');
  if (from === null) {
    const threadFlags = threads === null ? [] : ['--threads', String(threads)];
    await scanstroke(['train', ...flagsOf(recipe.options), ...threadFlags, '--saving-path', run], 'inherit');
    const shown = withSlashes(relative('', run));
    say(name, `the run is in ${shown}; after a failure, --only ${name} --from ${shown} goes on`);
    await checkRun(run, recipe);
  }

  const model = join(work, name);
  mkdirSync(model);
  cpSync(join(run, 'config.json'), join(model, 'config.json'));
  writeFileSync(join(model, 'metrics.jsonl'), thinned(readFileSync(join(run, 'metrics.jsonl'), 'utf8')));
  const checkpoint = await readTrainedModel(join(run, 'best.safetensors'));
  const bytes = encodeCheckpoint(checkpoint, { half: true });
  writeFileSync(join(model, 'best.safetensors'), bytes);

  say(name, 'measuring accuracy in float32 and float16');
  const measuring = { data: null, part: 'test', backend: 'auto', threads };
  const exact = await evaluateRun(run, measuring);
  const half = await evaluateRun(model, { ...measuring, calibration: true });
  const accuracyOf = ({ score }) => score.correct / score.count;
  if (Math.abs(accuracyOf(exact) - accuracyOf(half)) > MAX_LOSS) {
    throw new Mistake(
      `${name}: float16 has a test accuracy of ${accuracyOf(half)}, float32 of ${accuracyOf(exact)}: more than ${MAX_LOSS} apart`,
    );
  }
  say(name, 'measuring “none of these”');
  // The figures of the network that is shipped replace those of the training.
  const summary = {
    ...(await readSummary(run)),
    testAccuracy: accuracyOf(half),
    testLoss: half.loss,
    testScore: half.score,
    confusionMatrix: half.confusionMatrix,
    refusals: await measureRefusals(model, measuring),
  };
  await writeSummary(model, summary);
  say(name, 'measuring robustness');
  const limit = quick ? ['--limit', '200'] : [];
  const text = await scanstroke(['evaluate', model, '--robustness', '--json', ...limit], 'pipe');
  const robustness = robustnessOf(JSON.parse(text));
  rmSync(join(model, 'charts'), { recursive: true, force: true });

  const measured = { summary, exact, half, robustness, bytes: bytes.length };
  writeFileSync(join(model, 'README.md'), modelCard(name, recipe, measured, quick));
  const size = readdirSync(model).reduce((sum, file) => sum + statSync(join(model, file)).size, 0);
  if (size > MAX_BYTES) {
    throw new Mistake(
      `${name}: its files have ${size} bytes, more than ${MAX_BYTES}; the recipe needs a smaller network`,
    );
  }
  place(model, join(out, name));
  rmSync(from === null ? model : work, { recursive: true });
  const lost = exact.score.correct - half.score.correct;
  say(
    name,
    `${withSlashes(relative('', join(out, name)))}: ${size} bytes, test ${half.score.correct}/${half.score.count} (${lost} lost by float16)`,
  );
}

/** @throws Mistake if the run is not finished, or its settings are not those of the recipe */
async function checkRun(run, { options }) {
  for (const file of ['config.json', 'metrics.jsonl', 'summary.json', 'best.safetensors']) {
    if (!existsSync(join(run, file)))
      throw new Mistake(`${run} has no ${file}; give the folder of a finished run`);
  }
  const wanted = configToDisk(resolveConfig({ flags: options }));
  const found = await readConfig(run);
  // Mixed precision is recorded as what it was on the processor; options that are newer than the run have their defaults.
  const free = [...FREE_SETTINGS, ...(wanted.use_amp ? ['precision'] : [])];
  const defaults = configToDisk(resolveConfig({}));
  const differing = Object.keys(wanted).filter(
    (key) =>
      !free.includes(key) &&
      JSON.stringify(wanted[key]) !== JSON.stringify(Object.hasOwn(found, key) ? found[key] : defaults[key]),
  );
  if (differing.length === 0) return;
  const each = differing.map(
    (key) => `${key} is ${JSON.stringify(found[key])}, not ${JSON.stringify(wanted[key])}`,
  );
  throw new Mistake(`${run} was not trained by the recipe: ${each.join('; ')}`);
}

/** Keys in camelCase, as the table of rows reads them. */
function robustnessOf({ samples, seed, rows }) {
  const camel = ({ worst_class: worstClass, ...row }) => ({ ...row, worstClass });
  return { samples, seed, rows: rows.map(camel) };
}

/** Replaces the folder `to`. The new one is complete before the old one goes. */
function place(from, to) {
  mkdirSync(join(to, '..'), { recursive: true });
  const fresh = `${to}.new`;
  rmSync(fresh, { recursive: true, force: true });
  cpSync(from, fresh, { recursive: true });
  rmSync(to, { recursive: true, force: true });
  renameSync(fresh, to);
}

/** Runs the command; its progress goes to this terminal. @returns standard output, with `pipe` */
function scanstroke(args, output) {
  const child = spawn(process.execPath, [at('dist/cli/main.js'), ...args], {
    stdio: ['ignore', output, 'inherit'],
  });
  let text = '';
  child.stdout?.on('data', (piece) => {
    text += piece;
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done(text) : fail(new Mistake(`scanstroke ${args[0]} ended with ${code}`)),
    );
  });
}

function say(name, what) {
  console.error(`make-models: ${basename(name)}: ${what}`);
}
