/**
 * `npm run fuzz`: millions of inputs for all readers, the server and the command line, made from valid ones by grammars
 * and mutations, watched for time, memory, crashes, open files and output. CONTRIBUTING.md describes it.
 *
 *   npm run fuzz -- [--inputs N] [--seed N] [--target NAME]… [--minutes N] [--children N] [--raw] [--json] [--write] [--list]
 *   npm run fuzz -- --target NAME --replay SEED:INDEX     runs one input again
 *   npm run fuzz -- --target NAME --file PATH             runs the input in a file
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.js';
import { keepFixture } from './fixtures.js';
import { type Finding, type Tally, tallyTable } from './tally.js';
import { type Input, isFinding } from './target.js';
import { TARGETS, targetNamed } from './targets.js';
import { Watchdog } from './watchdog.js';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', multiple: true },
    minutes: { type: 'string', default: '60' },
    children: { type: 'string', default: '2' },
    replay: { type: 'string' },
    file: { type: 'string' },
    /** Prints the counts and findings as JSON, too. */
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    /** Writes the table to docs/security.md. */
    write: { type: 'boolean', default: false },
    /** Does not make findings smaller, and keeps none as fixtures. */
    raw: { type: 'boolean', default: false },
  },
});
const PAGE = fileURLToPath(new URL('../../../docs/security.md', import.meta.url));
const [BEGIN, END] = ['<!-- fuzz: written by npm run fuzz -- --write -->', '<!-- fuzz end -->'];
/** Files in memory: a reader's file is written and read for each input. */
const folder = process.env.TMPDIR ?? (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
const PROGRESS_MS = 500;
/** Without a terminal. */
const PROGRESS_LINE_MS = 30_000;

function whole(name: 'inputs' | 'seed' | 'minutes' | 'children', from: number): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= from) return value;
  console.error(`fuzz: --${name} must be a whole number from ${from}, found ${values[name]}`);
  process.exit(2);
}

/** Tells what happens to one input. */
async function replay(target: string): Promise<void> {
  const watchdog = new Watchdog(folder);
  try {
    const [seed, index] = (values.replay ?? '').split(':').map(Number);
    const input: Input =
      values.file === undefined
        ? await watchdog.make(target, seed, index)
        : new Uint8Array(readFileSync(values.file));
    const outcome = await watchdog.try(target, input, true);
    const text = Buffer.from(input).toString(targetNamed(target).shape === 'json' ? 'utf8' : 'latin1');
    console.log(`${input.length} bytes: ${JSON.stringify(text.slice(0, 2000))}`);
    console.log(outcome.kind === 'accepted' ? 'accepted' : `${outcome.kind}: ${outcome.message}`);
    process.exitCode = isFinding(outcome) ? 1 : 0;
  } finally {
    watchdog.close();
  }
}

async function campaign(targets: string[]): Promise<void> {
  const inputs = whole('inputs', 1);
  const seed = whole('seed', 0);
  const began = performance.now();
  let told = began;
  const onProgress = (done: number, tallies: ReadonlyMap<string, Tally>) => {
    const now = performance.now();
    if (now - told < (process.stderr.isTTY ? PROGRESS_MS : PROGRESS_LINE_MS)) return;
    told = now;
    const seconds = (now - began) / 1000;
    const findings = [...tallies.values()].reduce((sum, tally) => sum + tally.findings.size, 0);
    const left = Math.max(0, (inputs - done) / (done / seconds));
    const bar = '█'.repeat(Math.min(20, Math.round((20 * done) / inputs))).padEnd(20, '░');
    const line = `${bar} ${done} of ${inputs}, ${Math.round(done / seconds)}/s, ${Math.round(left)} s left, ${findings} findings`;
    process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
  };
  const onFinding = (finding: Finding, input: Input) => {
    const { target, index, kind, message } = finding;
    const kept = values.raw ? null : keepFixture(target, kind, input);
    const where = `${target} --replay ${seed}:${index}`;
    process.stderr.write(
      `\n${kind} in ${where}${kept ? `, kept as ${kept}` : ''}\n  ${message.slice(0, 1200)}\n`,
    );
  };
  const onUnconfirmed = ({ target, index, kind, message }: Finding) =>
    process.stderr.write(
      `\nnot confirmed: ${kind} at ${target} --replay ${seed}:${index}, or before: ${message.slice(0, 600)}\n`,
    );
  const maxMs = whole('minutes', 1) * 60_000;
  const children = whole('children', 1);
  const options = { inputs, seed, targets, children, folder, maxMs, minimises: !values.raw };
  const tallies = await runCampaign({ ...options, onProgress, onFinding, onUnconfirmed });
  const seconds = (performance.now() - began) / 1000;
  const done = [...tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0);
  process.stderr.write('\n');
  const table = tallyTable(tallies, (name) => targetNamed(name).what);
  const rate = Math.round(done / seconds).toLocaleString('en-US');
  const facts =
    `${done.toLocaleString('en-US')} inputs, seed ${seed}, in ${Math.round(seconds)} s (${rate} a second); commit ${commit()}; ` +
    `${cpus()[0]?.model ?? 'unknown processor'}, ${children} processes, Node.js ${process.versions.node}; ${new Date().toISOString().slice(0, 10)}`;
  console.log(`${facts}\n\n${table}\n`);
  if (values.write) writePage(`${facts}.\n\n${table}`);
  const cost = ([name, tally]: [string, Tally]) => `${name} ${(tally.cpuMs / tally.inputs).toFixed(2)}`;
  const ran = [...tallies].filter(([, tally]) => tally.inputs > 0);
  console.log(`processor time of an input, in ms: ${ran.map(cost).join(', ')}`);
  if (values.json) console.log(JSON.stringify(Object.fromEntries([...tallies].map(detailsOf)), null, 1));
  process.exitCode = [...tallies.values()].some((tally) => tally.findings.size > 0) ? 1 : 0;
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function writePage(text: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [head, tail] = [page.split(BEGIN)[0], page.split(END)[1]];
  if (tail === undefined) throw new Error(`fuzz: ${PAGE} has no marks ${BEGIN} and ${END}`);
  writeFileSync(PAGE, `${head}${BEGIN}\n\n${text}\n\n${END}${tail}`);
}

function detailsOf([name, tally]: [string, Tally]): [string, object] {
  const classes = Object.fromEntries([...tally.classes].sort((a, b) => b[1] - a[1]));
  return [
    name,
    { inputs: tally.inputs, accepted: tally.accepted, classes, findings: [...tally.findings.values()] },
  ];
}

const names = values.target ?? TARGETS.map(({ name }) => name);
const unknown = names.find((name) => !TARGETS.some((target) => target.name === name));
if (values.list || unknown !== undefined) {
  if (unknown !== undefined) console.error(`fuzz: there is no target ${unknown}; there are:`);
  for (const { name, what } of TARGETS) console.log(`${name.padEnd(20)} ${what}`);
  process.exitCode = unknown === undefined ? 0 : 2;
} else if (values.replay !== undefined || values.file !== undefined) {
  for (const name of names) await replay(name);
} else {
  await campaign(names);
}
