/**
 * npm run kill: runs of all recipes, killed at random, resumed and compared with undisturbed ones.
 *
 *   --kills 500        processes to kill or interrupt
 *   --seed 1           of the random trials
 *   --only kills,…     classes of disturbances: kills, signals, faults, rivals
 *   --few              only the settings of the test suite
 *   --replay SEED:N    only this trial, with every command; it is exact for kills at file operations
 *
 * Prints findings as they come, and tables at the end. Exit code 1 if there are findings; their files stay.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commandsText, findingText, runHarness, trialRunner } from './kill-harness.js';
import { settingsText } from './recipes.js';
import { ALL, CLASSES, drawTrial, FEW, type PlanLimits } from './trial-plan.js';

const SAY_EVERY_MS = 20_000;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    few: { type: 'boolean', default: false },
    replay: { type: 'string' },
  },
});
const limits = limitsOf(values.only, values.few);
const folder = mkdtempSync(join(tmpdir(), 'scanstroke-kills-'));
const found = await (values.replay === undefined ? runAll() : replay(values.replay));
if (found) process.exitCode = 1;
else rmSync(folder, { recursive: true });

function limitsOf(only: string | undefined, few: boolean): PlanLimits {
  const { classes, settings } = few ? FEW : ALL;
  if (only === undefined) return { classes, settings };
  const names = only.split(',');
  const unknown = names.filter((name) => !CLASSES.some((each) => each === name));
  if (unknown.length > 0) throw new Error(`--only ${unknown}: expected some of ${CLASSES.join(', ')}`);
  return { settings, classes: CLASSES.filter((each) => names.includes(each)) };
}

function whole(name: string, text: string): number {
  if (!/^[0-9]+$/.test(text)) throw new Error(`--${name}: expected a whole number, found ${text}`);
  return Number(text);
}

async function runAll(): Promise<boolean> {
  const [seed, kills] = [whole('seed', values.seed), whole('kills', values.kills)];
  const began = performance.now();
  let said = began;
  const minutes = () => ((performance.now() - began) / 60_000).toFixed(1);
  const { tally, findings } = await runHarness({
    seed,
    kills,
    folder,
    limits,
    onTrial: (trial, end, { trials, kills: done, findings: count }) => {
      if (end.findings.length > 0) {
        const place = join(folder, `trial-${trial.number}`);
        console.error(findingText(trial, end, place, limits));
      }
      if (performance.now() - said < SAY_EVERY_MS) return;
      said = performance.now();
      console.error(`${done} of ${kills} kills, ${trials} trials, ${count} with findings, ${minutes()} min`);
    },
  });
  console.log(
    `seed ${seed}: ${tally.kills} kills in ${tally.trials} trials, ${tally.findings} with findings, ${minutes()} min\n`,
  );
  console.log(tally.toMarkdown());
  return findings.length > 0;
}

async function replay(text: string): Promise<boolean> {
  const [seed, number] = text.split(':').map((part) => whole('replay', part));
  const trial = drawTrial(seed, number, limits);
  const { folder: place, end } = await trialRunner({ folder })(trial);
  const same = `trial ${text} (${settingsText(trial.settings)}): the same bits\n${commandsText(end)}`;
  console.log(end.findings.length > 0 ? findingText(trial, end, place, limits) : same);
  return end.findings.length > 0;
}
