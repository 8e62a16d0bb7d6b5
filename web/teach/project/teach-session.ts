/**
 * State of the Teach view: the open project, the drawing under the pen, its answer, and the training in the background.
 * Lives as long as the page, so that a training goes on while another view is open.
 */

import type { ReadSymbol } from '#src/recognize/symbols/read-symbols.js';
import type { ModelList } from '#src/serve/api.js';
import type { StarterName } from '#src/teach/starters.js';
import { Ink, type InkStroke } from '../../draw/ink.js';
import { messageOf } from '../../hooks.js';
import { MODEL_FILES } from '../../recognition/models.js';
import type { TakeAwayFormat } from '../../workers/teach-protocol.js';
import { type OpenNetwork, ProjectDesk } from '../project-desk.js';
import { RestingPen } from '../writing/resting-pen.js';
import { WordWriting } from '../writing/word-writing.js';
import { BackgroundTraining, type Taught } from './background-training.js';
import * as edits from './edits.js';
import { LiveAnswers } from './live-answers.js';
import { type ServedProject, servedProject } from './served-project.js';
import { type OfferedFile, readTeachFile } from './teach-files.js';
import { TeachWorker } from './teach-worker.js';

/** `add`: a drawing becomes an example of the chosen class. `try`: it is only answered. `word`: several are read. */
export type Mode = 'add' | 'try' | 'word';

export class TeachSession {
  readonly ink = new Ink();
  readonly playhead = null;
  readonly desk = new ProjectDesk(() => this.#changed());
  readonly answers: LiveAnswers;
  readonly training: BackgroundTraining;
  readonly pen: RestingPen;
  readonly words: WordWriting;
  /** Whether the kept project has been looked for. */
  isReady = false;
  mode: Mode = 'add';
  /** Id of the class whose examples are drawn. */
  chosen: string | null = null;
  /** Id of the class that was just added: its name waits to be typed. */
  unnamed: string | null = null;
  /** Selected drawings of the wall. */
  selected: ReadonlySet<string> = new Set();
  /** The last message for people: what was done, or why not. */
  message: { text: string; isProblem: boolean } | null = null;
  /** The server's project file, if what is kept of it differs: which of them to open is to be chosen. */
  served: ServedProject | null = null;
  readonly #answerWorker = new TeachWorker();
  readonly #listeners = new Set<() => void>();
  /** The drawing on the canvas has been answered: the next stroke begins another. */
  #isFinished = false;

  constructor() {
    this.words = new WordWriting(this.#answerWorker);
    this.answers = new LiveAnswers(this.#answerWorker, () => {
      this.words.update(this.desk.lesson, this.answers);
      this.#changed();
    });
    this.training = new BackgroundTraining(
      new TeachWorker(),
      () => this.#changed(),
      (taught) => this.#taught(taught),
    );
    this.pen = new RestingPen(
      this.ink,
      () => this.take(),
      () => this.#changed(),
    );
    this.desk.onLesson = (reason) => this.#lessonChanged(reason);
    this.desk.onLeave = () => this.#takeUnfinished();
    this.ink.subscribe(() => {
      if (this.ink.pointCount > 0) this.answers.ask(this.#drawing());
      else this.answers.clear();
      this.#changed();
    });
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    const listed = MODEL_FILES.list().catch(() => null);
    await this.desk.start();
    const list = await listed;
    if (list) await this.#openServed(list);
    this.isReady = true;
    this.#changed();
    const checkpoint = list && strokeNetwork(list);
    this.training.base = checkpoint;
    await this.answers.openFeatures(checkpoint);
  }

  async #openServed(list: ModelList): Promise<void> {
    try {
      const served = await servedProject(list);
      if (served && (await this.desk.openServed(served.project, served.id))) this.served = served;
    } catch (error) {
      this.say(messageOf(error), true);
    }
  }

  /** Opens the server's project file in place of what is kept of it, or leaves it. */
  async chooseServed(choice: 'file' | 'kept'): Promise<void> {
    const { served } = this;
    this.served = null;
    if (served && choice === 'file') await this.desk.add(served.project, served.id);
    this.#changed();
  }

  shownStrokes(): readonly InkStroke[] {
    return this.ink.strokes;
  }
  penMoved(): void {}
  strokeBegins(): void {
    if (this.#isFinished) this.ink.clear();
    this.#isFinished = false;
  }

  /** The pen has rested, or the person says that the drawing is finished. */
  take(): void {
    if (this.ink.isPenDown) this.ink.end();
    if (this.ink.pointCount === 0) return;
    if (this.mode === 'try') {
      this.#isFinished = true;
      return;
    }
    const name = this.className(this.chosen);
    if (name === null) this.say('Choose the symbol that you draw.', true);
    else this.keepDrawingAs(this.chosen as string);
  }

  /** Takes an example that the pen has not rested after, before the canvas is for something else. */
  #takeUnfinished(): void {
    if (this.mode === 'add') this.take();
  }

  /** Adds the drawing on the canvas to a class, and clears the canvas. */
  keepDrawingAs(classId: string): void {
    if (isDot(this.ink.strokes)) {
      this.ink.clear();
      this.say('That was only a dot. Draw a line.', true);
      return;
    }
    if (!this.#keep(classId, this.#drawing())) return;
    this.#isFinished = false;
    this.ink.forget();
  }

  /** Adds a symbol of the pad to the examples of its class. */
  teachSymbol(symbol: ReadSymbol): void {
    if (this.className(symbol.answer) === null) {
      this.say('This symbol is not in the project any more.', true);
      return;
    }
    this.words.pad.correct(symbol, symbol.answer);
    this.#keep(symbol.answer, this.words.drawingOf(symbol));
  }

  #keep(classId: string, drawn: number[][][]): boolean {
    const { lesson } = this.desk;
    const name = this.className(classId);
    const drawing = {
      // With the time, so that the id of a deleted drawing does not name another one.
      id: edits.freshId(lesson.drawings, `d-${Date.now().toString(36)}-`),
      class: classId,
      drawing: drawn,
      made: new Date().toISOString(),
    };
    if (!this.#grow(edits.addDrawing(lesson, drawing), `draw ${name}`)) return false;
    this.say(`${name}: ${edits.countsOf(this.desk.lesson).get(classId)} drawings.`);
    return true;
  }

  /** Edits the project unless it would become too large. @returns whether it did */
  #grow(lesson: edits.Lesson, done: string): boolean {
    const problem = edits.sizeProblem(lesson);
    if (problem === null) this.desk.edit(lesson, done);
    else this.say(problem, true);
    return problem === null;
  }

  addClass(): void {
    const { lesson } = this.desk;
    const added = {
      id: edits.freshId(lesson.classes, 'c'),
      name: edits.freshName(lesson.classes, 'symbol'),
      colour: edits.nextColour(lesson.classes),
    };
    if (!this.#grow(edits.addClass(lesson, added), `add ${added.name}`)) return;
    this.unnamed = added.id;
    this.choose(added.id);
  }

  /** @returns why the class cannot have this name; null if it has it now */
  rename(id: string, name: string): string | null {
    const trimmed = name.trim();
    const problem = edits.nameProblem(this.desk.lesson.classes, id, trimmed);
    if (problem === null && trimmed !== this.className(id))
      this.desk.edit(edits.changeClass(this.desk.lesson, id, { name: trimmed }), `rename to ${trimmed}`);
    return problem;
  }

  recolour(id: string, colour: string): void {
    this.desk.edit(edits.changeClass(this.desk.lesson, id, { colour }), `colour ${this.className(id)}`);
  }

  merge(from: string, into: string): void {
    const done = `merge ${this.className(from)} into ${this.className(into)}`;
    if (from === this.chosen) {
      this.#takeUnfinished();
      this.chosen = into;
    }
    this.desk.edit(edits.mergeClasses(this.desk.lesson, from, into), done);
  }

  deleteClass(id: string): void {
    if (id === this.chosen) this.#takeUnfinished(); // undo brings the drawing back with its class
    this.desk.edit(edits.deleteClass(this.desk.lesson, id), `delete ${this.className(id)}`);
  }

  deleteDrawings(ids: ReadonlySet<string>): void {
    const done = ids.size === 1 ? 'delete a drawing' : `delete ${ids.size} drawings`;
    this.desk.edit(edits.deleteDrawings(this.desk.lesson, ids), done);
    this.say(`${ids.size === 1 ? 'A drawing is' : `${ids.size} drawings are`} deleted. Undo brings back.`);
  }

  moveDrawings(ids: ReadonlySet<string>, into: string): void {
    const done = `move to ${this.className(into)}`;
    this.desk.edit(edits.moveDrawings(this.desk.lesson, ids, into), done);
    this.select(new Set());
  }

  select(ids: ReadonlySet<string>): void {
    this.selected = ids;
    this.#changed();
  }

  choose(id: string): void {
    this.#takeUnfinished();
    this.chosen = id;
    this.mode = 'add';
    this.ink.forget();
    this.#changed();
  }

  setMode(mode: Mode): void {
    this.#takeUnfinished();
    this.mode = mode;
    this.#isFinished = false;
    this.ink.forget();
    this.#changed();
  }

  /** Opens a project of generated drawings, or of empty classes A to Z. */
  async begin(starter: StarterName | 'alphabet' | 'empty'): Promise<void> {
    try {
      if (starter === 'empty') {
        if (this.desk.lesson.classes.length > 0)
          await this.desk.add({ ...edits.EMPTY_LESSON, network: null });
        this.addClass();
        return;
      }
      await this.desk.add(
        starter === 'alphabet'
          ? { ...edits.alphabet(), network: null }
          : await this.#answerWorker.call('starter', { name: starter }),
      );
    } catch (error) {
      this.say(messageOf(error), true);
    }
  }

  /** Opens a file: a project becomes the open one, drawings are added to the open one. */
  async openFile(file: File): Promise<void> {
    try {
      const { project, onlyDrawings } = await readTeachFile(file);
      if (onlyDrawings && this.desk.lesson.classes.length > 0) {
        if (!this.#grow(edits.joinLessons(this.desk.lesson, project), `add ${file.name}`)) return;
      } else await this.desk.add(project);
      const { classes, drawings } = project;
      this.say(`${file.name}: ${drawings.length} drawings of ${classes.length} symbols.`);
    } catch (error) {
      this.say(messageOf(error), true);
    }
  }

  /** The network in the form of another tool. @throws Error in plain words */
  async exportNetwork(name: string, format: TakeAwayFormat): Promise<OfferedFile[]> {
    const { network } = this.desk;
    if (!network) throw new Error('There is no network yet.');
    const template = new URL('one-file-page.txt', document.baseURI).href;
    const { checkpoint } = network;
    const files = await this.#answerWorker.call('export', { checkpoint, name, format, template });
    return files.map((file) => ({ name: file.name, content: file.bytes }));
  }

  className(id: string | null): string | null {
    return this.desk.lesson.classes.find((each) => each.id === id)?.name ?? null;
  }

  say(text: string, isProblem = false): void {
    this.message = { text, isProblem };
    this.#changed();
  }

  #drawing(): number[][][] {
    const rounded = (values: readonly number[]) => values.map((value) => Math.round(value * 10) / 10);
    return this.ink.strokes.map(({ xs, ys }) => [rounded(xs), rounded(ys)]);
  }

  #lessonChanged(reason: 'edited' | 'opened'): void {
    const { lesson, network } = this.desk;
    if (this.className(this.chosen) === null) {
      this.chosen = lesson.classes[0]?.id ?? null;
      if (this.mode === 'add') this.ink.forget(); // it was drawn for another class
    }
    const ids = new Set(lesson.drawings.map(({ id }) => id));
    this.selected = new Set([...this.selected].filter((id) => ids.has(id)));
    if (reason === 'opened') {
      this.mode = 'add';
      this.selected = new Set();
      this.message = null;
      this.ink.forget();
      this.words.pad.forget();
      this.training.stop();
      void this.answers.forget();
      if (network) void this.#openNetwork(network);
    }
    void this.answers.setLesson(lesson);
    this.words.update(lesson, this.answers);
    if (network?.isCurrent) this.training.upToDate(lesson);
    else this.training.want(lesson);
  }

  /** A network in training answers as soon as it is as good as the nearest examples. */
  #taught({ checkpoint, summary, ids, lesson }: Taught): void {
    if (summary !== null) {
      const isCurrent = edits.teachSame(lesson, this.desk.lesson);
      this.desk.setNetwork({ checkpoint, summary, ids, isCurrent, taught: new Date().toISOString() });
    } else if (!this.#isBetter()) return;
    void this.answers.setNetwork(checkpoint, ids).then((problem) => {
      if (problem !== null) this.say(`The taught network cannot be opened: ${problem}`, true);
      else if (this.ink.pointCount > 0) this.answers.ask(this.#drawing());
    });
  }

  /** Opens the network of the project. One that cannot be opened stays until a training has made another. */
  async #openNetwork(network: OpenNetwork): Promise<void> {
    const problem = await this.answers.setNetwork(network.checkpoint, network.ids);
    if (problem === null || this.desk.network?.checkpoint !== network.checkpoint) return;
    this.say(`The network of this project needs a new training, for it cannot be opened: ${problem}`, true);
    this.desk.setNetwork({ ...this.desk.network, isCurrent: false });
    this.training.want(this.desk.lesson);
  }

  #isBetter(): boolean {
    const { leftOut } = this.answers;
    const share = leftOut && leftOut.count > 0 ? leftOut.correct / leftOut.count : 0;
    return (this.training.progress?.accuracy ?? 0) >= share;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** URL of the network for strokes whose features tell symbols apart; null if there is none. */
function strokeNetwork({ models }: ModelList): string | null {
  const readers = models.filter(({ kind }) => kind === 'strokes');
  const best = readers.find(({ shipped }) => shipped) ?? readers[0];
  return best ? (MODEL_FILES.checkpointOf(best) as string) : null;
}

function isDot(strokes: readonly InkStroke[]): boolean {
  const [xs, ys] = [strokes.flatMap((each) => each.xs), strokes.flatMap((each) => each.ys)];
  const extent = (values: number[]) => Math.max(...values) - Math.min(...values);
  return Math.max(extent(xs), extent(ys)) < 8;
}
