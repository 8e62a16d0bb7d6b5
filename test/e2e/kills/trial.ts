/**
 * Runs a trial: begins a run, disturbs it, resumes it, perhaps disturbed again, until it ends, and compares it with the
 * undisturbed run. A killed run without any file of a run is begun anew by the same command; any other is resumed. A
 * resume may be refused only if the run has no checkpoint; then the same command must work without cleaning up.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { RUN_FILES } from '#src/runs/run-folder.js';
import { type Ran, runDisturbed } from './disturbed-command.js';
import { RECIPES, trainArguments } from './recipes.js';
import { contentsOf, differencesOf, filesIn, progressOf } from './run-contents.js';
import { type Disturbance, disturbanceName, type Trial } from './trial-plan.js';
import type { UndisturbedRun } from './undisturbed.js';
import { beganAt, judge, judgeRivals, lastLine, type Result } from './verdict.js';

/** A command of a trial and how it ended. */
export interface TrialCommand {
  ran: Ran;
  /** Name of the disturbance; null without one. */
  disturbance: string | null;
  result: Result;
  findings: string[];
}

export interface TrialEnd {
  commands: TrialCommand[];
  /** Signals and faults that reached a process. */
  disturbed: number;
  /** Deaths of processes by the harness, and interruptions. */
  kills: number;
  /** A run was begun again, because it had left nothing to resume. */
  begunAnew: boolean;
  /** What should not be; the trial ends at the first. */
  findings: string[];
}

/** @param folder for the trial's files; @param mnist the folder of small IDX files */
export async function runTrial(
  trial: Trial,
  undisturbed: UndisturbedRun,
  folder: string,
  mnist: string,
): Promise<TrialEnd> {
  mkdirSync(folder, { recursive: true });
  return new TrialInFolder(trial, undisturbed, folder, mnist).run();
}

class TrialInFolder {
  readonly #end: TrialEnd = { commands: [], disturbed: 0, kills: 0, begunAnew: false, findings: [] };
  readonly #places: string[] = [];
  /** Folders that the run has left for another one, with a hash of their files. */
  readonly #left = new Map<string, string>();
  /** The folder of the run. */
  #place: string;
  /** The command that makes the run in this folder. */
  #begin: string[];

  constructor(
    readonly trial: Trial,
    readonly undisturbed: UndisturbedRun,
    readonly folder: string,
    mnist: string,
  ) {
    this.#place = this.#newPlace();
    this.#begin = trainArguments(trial.settings, mnist, this.#place);
  }

  async run(): Promise<TrialEnd> {
    let ended = false;
    for (const { disturbance, elsewhere } of this.trial.attempts) {
      if (disturbance.how === 'rival') {
        ended = await this.#runRivals(disturbance);
      } else {
        ended = (await this.#attempt(disturbance, elsewhere)) === 'ended';
      }
      if (ended || this.#failed) break;
    }
    if (!ended && !this.#failed) {
      const result = await this.#attempt(null, this.trial.endsElsewhere);
      if (result !== 'ended' && !this.#failed)
        this.#find(`an undisturbed command ends as ${result}: ${this.#lastLine}`);
    }
    if (!this.#failed) this.#compare();
    if (this.trial.takenElsewhere && !this.#failed) {
      const result = await this.#attempt(null, true);
      if (result === 'ended') this.#compare();
      else this.#find(`a finished run is not taken to another folder: ${this.#lastLine}`);
    }
    return this.#end;
  }

  get #failed(): boolean {
    return this.#end.findings.length > 0;
  }

  get #lastLine(): string {
    const last = this.#end.commands.at(-1);
    return last ? lastLine(last.ran) : '';
  }

  #find(...findings: string[]): void {
    this.#end.findings.push(...findings);
  }

  #newPlace(): string {
    const place = join(this.folder, this.#places.length === 0 ? 'run' : `elsewhere-${this.#places.length}`);
    this.#places.push(place);
    return place;
  }

  /** Resumes the run, or begins it, perhaps in another folder. */
  async #attempt(disturbance: Disturbance | null, elsewhere: boolean): Promise<Result> {
    const [place, begin] = [this.#place, this.#begin];
    if (!isBegun(place)) {
      this.#end.begunAnew ||= this.#end.commands.length > 0;
      return this.#command(begin, disturbance);
    }
    const resume = ['train', '--load-cp', place];
    if (elsewhere) {
      this.#left.set(place, hashOf(place));
      this.#place = this.#newPlace();
      this.#begin = [...resume, '--saving-path', this.#place];
    }
    const result = await this.#command(elsewhere ? this.#begin : resume, disturbance);
    if (result !== 'refused' || this.#failed) return result;
    if (hasCheckpoint(place)) {
      this.#find(`a run with a checkpoint cannot be resumed: ${this.#lastLine}`);
      return result;
    }
    if (elsewhere) {
      [this.#place, this.#begin] = [place, begin];
      return this.#attempt(disturbance, false);
    }
    this.#end.begunAnew = true;
    return this.#command(begin, null);
  }

  async #command(words: string[], disturbance: Disturbance | null): Promise<Result> {
    const source = sourceOf(words);
    const known = this.#savedProgress([this.#place, ...(source ? [source] : [])]);
    const ran = await this.#run(words, disturbance);
    const { result, findings } = judge(ran, disturbance);
    const began = beganAt(ran);
    if (began && known && isBefore(began, known)) {
      findings.push(`begins at epoch ${began.join(', update ')}, but saved was ${known.join(', update ')}`);
    }
    this.#record(ran, disturbance, result, findings);
    return result;
  }

  #run(words: string[], disturbance: Disturbance | null, mark = ''): Promise<Ran> {
    const log = join(this.folder, `command-${this.#end.commands.length}${mark}.log`);
    return runDisturbed(words, disturbance, this.undisturbed, { cache: join(this.folder, 'cache'), log });
  }

  #record(ran: Ran, disturbance: Disturbance | null, result: Result, findings: string[]): void {
    const name = disturbance && disturbanceName(disturbance);
    this.#end.commands.push({ ran, disturbance: name, result, findings });
    this.#end.disturbed += Number(ran.disturbed);
    this.#end.kills += Number(ran.disturbed && (result === 'killed' || result === 'interrupted'));
    this.#find(...findings);
  }

  /** Two commands in one folder at once. Returns whether the run has ended. */
  async #runRivals(disturbance: Disturbance & { how: 'rival' }): Promise<boolean> {
    const resume = ['train', '--load-cp', this.#place];
    const first = isBegun(this.#place) ? resume : this.#begin;
    const second = disturbance.command === 'train' ? this.#begin : resume;
    const [a, b] = await Promise.all([
      this.#run(first, null, 'a'),
      wait(disturbance.share * this.undisturbed.durationMs).then(() => this.#run(second, null, 'b')),
    ]);
    const findings = judgeRivals(a, b, this.#place);
    const [verdictA, verdictB] = [judge(a, null), judge(b, null)];
    this.#record(a, null, verdictA.result, []);
    this.#record(b, disturbance, verdictB.result, findings);
    this.#end.disturbed++;
    return verdictA.result === 'ended' || verdictB.result === 'ended';
  }

  /** The furthest checkpoint that must not be lost; null for several seeds. */
  #savedProgress(folders: string[]): [number, number] | null {
    if ('seeds' in RECIPES[this.trial.settings.recipe]) return null;
    const all = folders.flatMap((folder) => {
      const progress = progressOf(folder);
      return progress ? [progress] : [];
    });
    return all.sort((a, b) => (isBefore(a, b) ? 1 : -1))[0] ?? null;
  }

  #compare(): void {
    this.#find(...differencesOf(contentsOf(this.#place), this.undisturbed.contents));
    const temporaries = filesIn(join(this.folder, 'cache')).filter((path) => path.endsWith('.tmp'));
    this.#find(...temporaries.map((path) => `${path} is left`));
    for (const [folder, hash] of this.#left) {
      if (folder !== this.#place && hashOf(folder) !== hash) this.#find(`${folder} has changed`);
    }
  }
}

const isBegun = (folder: string) =>
  existsSync(join(folder, RUN_FILES.config)) || existsSync(join(folder, RUN_FILES.last));

const hasCheckpoint = (folder: string) => filesIn(folder).some((path) => path.endsWith(RUN_FILES.last));

/** The folder that a command resumes from. */
function sourceOf(words: string[]): string | null {
  const at = words.indexOf('--load-cp');
  if (at < 0) return null;
  return words[at + 1].endsWith('.safetensors') ? dirname(words[at + 1]) : words[at + 1];
}

const isBefore = (a: [number, number], b: [number, number]) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** Of all files but the lock of a killed process, which a later one may remove. */
function hashOf(folder: string): string {
  const hash = createHash('sha256');
  const paths = filesIn(folder).filter((path) => !basename(path).startsWith('.lock'));
  for (const path of paths) hash.update(path).update(readFileSync(path));
  return hash.digest('hex');
}
