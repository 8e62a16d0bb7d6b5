/**
 * State of a pad on which several symbols are written: the ink, the reading of it, and the corrections. Ink and
 * corrections have one history, so undo takes back whichever was last. One question to the worker is under way; of
 * those that wait only the newest stays.
 */
import type { LeftOut, ReadSymbol, Regrouping, SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import { copyOf } from '../draw/draw-session.js';
import { Ink, type InkStroke } from '../draw/ink.js';
import { PEN_WIDTH } from '../draw/painter.js';
import { messageOf } from '../hooks.js';
import type { SymbolQuestion } from '../workers/protocol.js';
import {
  asked,
  type Correction,
  corrected,
  erased,
  isSame,
  partsOf,
  type StrokePart,
  uncorrected,
} from './corrections.js';

/** Reads the symbols of a drawing, in a worker. */
export interface SymbolReader {
  /** [K] names of the classes, in the order of the probabilities. */
  readonly classes: readonly string[];
  /** @throws Error if they cannot be read */
  read(question: SymbolQuestion): Promise<SymbolReading>;
}

/** A reading, with the strokes that it is of. */
export interface PadReading extends SymbolReading {
  strokes: readonly InkStroke[];
  /** [K] names of the classes. */
  classes: readonly string[];
  /** Number of points. */
  points: number;
}

/** A symbol of the reading, or ink that is left out. */
export type Selectable = ReadSymbol | LeftOut;

/** A state before a change. */
interface Step {
  /** Whether the change was of the ink. */
  isInk: boolean;
  corrections: readonly Correction[];
}

/** As the ink's own history. */
const MAX_STEPS = 200;
/** A short touch of a symbol is a tap, unless it follows a stroke so soon that it may be a dot of the symbol. */
const TAP_MS = 400;
const REST_MS = 500;
/** Largest movement of a tap, and how far beside a symbol it may be, in CSS pixels. */
const TAP_SIZE = 12;
const TAP_REACH = 10;

export class PadSession {
  readonly ink = new Ink();
  /** Null before the first. */
  reading: PadReading | null = null;
  corrections: readonly Correction[] = [];
  /** Why the drawing cannot be read, or a correction not made. */
  problem: string | null = null;
  /** The symbol that is being corrected, by its ink. */
  selected: readonly StrokePart[] | null = null;
  /** Where it was chosen; the focus goes there when its card closes. */
  selectedBy: 'pad' | 'keys' = 'pad';
  #reader: SymbolReader | null = null;
  readonly #listeners = new Set<() => void>();
  #past: Step[] = [];
  #future: Step[] = [];
  #strokes: readonly InkStroke[] = [];
  /** The ink changes with its own step. */
  #isStepping = false;
  #isAsking = false;
  #isWanted = false;
  /** Units of the ink for a CSS pixel. */
  #scale = 1;
  /** A symbol was selected when the stroke began: a tap closes its card. */
  #wasSelected = false;
  /** The reading when the stroke began: during a tap the symbol may be read with the tap's dot. */
  #readingBefore: PadReading | null = null;

  constructor() {
    this.ink.refuses = (stroke) => this.#isTap(stroke);
    this.ink.subscribe(() => this.#inkChanged());
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get reader(): SymbolReader | null {
    return this.#reader;
  }

  /** Reads with another network from now on. */
  setReader(reader: SymbolReader | null): void {
    if (reader === this.#reader) return;
    // A network that was taught more replaces the readings of the one before; another network's are worth nothing.
    const isSimilar = reader && `${reader.classes}` === `${this.#reader?.classes}`;
    this.#reader = reader;
    if (!isSimilar) {
      this.reading = null;
      this.problem = null;
      this.selected = null;
    }
    this.ask();
  }

  /** Whether the reading is that of the ink and the corrections. */
  get isCurrent(): boolean {
    return !this.#isAsking;
  }
  get canUndo(): boolean {
    return this.ink.isPenDown || this.#past.length > 0;
  }
  get canRedo(): boolean {
    return !this.ink.isPenDown && this.#future.length > 0;
  }

  undo(): void {
    if (this.ink.isPenDown) this.ink.cancel();
    else this.#step(this.#past, this.#future, () => this.ink.undo());
  }
  redo(): void {
    if (!this.ink.isPenDown) this.#step(this.#future, this.#past, () => this.ink.redo());
  }
  clear(): void {
    this.selected = null;
    this.ink.clear();
  }
  /** Begins anew, without a history. */
  forget(): void {
    this.#isStepping = true;
    this.ink.forget();
    this.#isStepping = false;
    this.#past = [];
    this.#future = [];
    this.corrections = [];
    this.selected = null;
    this.ask();
  }

  // What the canvas asks (InkSurface).

  /** Ink that is left out whole is shown pale: as if it were drawn after the others. */
  get playhead(): number | null {
    return this.#pale().size > 0 ? 0 : null;
  }
  shownStrokes(): readonly InkStroke[] {
    const pale = this.#pale();
    return this.ink.strokes.filter((stroke) => !pale.has(stroke));
  }
  penMoved(): void {}
  strokeBegins(): void {
    this.#wasSelected = this.selected !== null;
    this.#readingBefore = this.reading;
    this.selected = null;
  }
  /** The pen is thin, for symbols are small here. A pad that has become too small shows all ink smaller. */
  fit(width: number, height: number): void {
    this.#scale = PEN_WIDTH / (5 + width / 200);
    const right = Math.max(0, ...this.ink.strokes.flatMap(({ xs }) => xs));
    const bottom = Math.max(0, ...this.ink.strokes.flatMap(({ ys }) => ys));
    this.#scale = Math.max(this.#scale, right / width, bottom / height);
    this.ink.width = width * this.#scale;
    this.ink.height = height * this.#scale;
    this.#changed();
  }

  // Corrections.

  /** The symbol, or the ink left out, that is being corrected. */
  get selection(): Selectable | null {
    const { reading, selected } = this;
    if (!reading || !selected) return null;
    return (
      [...reading.symbols, ...reading.leftOut].find(({ parts }) =>
        isSame(partsOf(parts, reading.strokes), selected),
      ) ?? null
    );
  }

  select(one: Selectable | null, by: 'pad' | 'keys' = 'pad'): void {
    this.selected = one && this.reading && partsOf(one.parts, this.reading.strokes);
    this.selectedBy = by;
    this.#changed();
  }

  /** @param answer its class; null: no symbol; undefined: a symbol of the class that the network says */
  correct(one: Selectable, answer?: string | null): void {
    const parts = this.#partsOf(one);
    this.#setCorrections(corrected(this.corrections, { parts, answer }));
  }

  /** Lets the network decide again. */
  uncorrect(one: Selectable): void {
    this.#setCorrections(uncorrected(this.corrections, this.#partsOf(one)));
  }

  erase(one: Selectable): void {
    const { strokes, corrections } = erased(this.ink.strokes, this.corrections, this.#partsOf(one));
    this.#record(true);
    this.corrections = corrections;
    this.selected = null;
    this.#isStepping = true;
    this.ink.replace(strokes);
    this.#isStepping = false;
    this.ask();
  }

  /** Merges symbols or splits one; the new ones stay as they are. */
  async regroup(regrouping: Regrouping): Promise<void> {
    const { reading } = this;
    if (!this.#reader || !reading) return;
    try {
      const { strokes, classes } = reading;
      const corrections = asked(this.corrections, strokes, classes);
      const change = { reading: plain(reading), regrouping };
      const found = await this.#reader.read({ strokes: copyOf(strokes), corrections, change });
      const first = 'merge' in regrouping ? regrouping.merge : regrouping.split;
      const made = found.symbols.slice(first, 'merge' in regrouping ? first + 1 : first + 2);
      const newer = made.map((symbol) => ({ parts: partsOf(symbol.parts, strokes) }));
      this.selected = newer[0].parts;
      this.#setCorrections(corrected(this.corrections, ...newer));
    } catch (error) {
      this.problem = messageOf(error).replace(/^regroup: /, '');
      this.#changed();
    }
  }

  /** Reads the ink again. */
  ask(): void {
    this.#isWanted = true;
    if (!this.#isAsking) void this.#askNext();
    this.#changed();
  }

  async #askNext(): Promise<void> {
    this.#isAsking = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      const reader = this.#reader;
      const { strokes, pointCount: points } = this.ink;
      if (!reader || points === 0) {
        this.reading = null;
        this.problem = null;
        continue;
      }
      const { classes } = reader;
      const question = {
        strokes: copyOf(strokes),
        corrections: asked(this.corrections, strokes, classes),
        change: null,
      };
      try {
        const reading = await reader.read(question);
        if (reader !== this.#reader) continue;
        this.reading = { ...reading, strokes, classes, points };
        this.problem = null;
      } catch (error) {
        this.problem = messageOf(error).replace(/^read symbols: /, '');
      }
      this.#changed();
    }
    this.#isAsking = false;
    this.#changed();
  }

  #inkChanged(): void {
    const { strokes, isPenDown } = this.ink;
    if (!isPenDown) {
      if (strokes !== this.#strokes && !this.#isStepping) this.#record(true);
      this.#strokes = strokes;
    }
    // A first point has no shape, and may be a tap.
    if (isPenDown && strokes[strokes.length - 1].xs.length === 1) this.#changed();
    else this.ask();
  }

  #record(isInk: boolean): void {
    this.#past = [...this.#past.slice(1 - MAX_STEPS), { isInk, corrections: this.corrections }];
    this.#future = [];
  }

  #setCorrections(corrections: readonly Correction[]): void {
    this.#record(false);
    this.corrections = corrections;
    this.ask();
  }

  #step(from: Step[], to: Step[], changeInk: () => void): void {
    const step = from.pop();
    if (!step) return;
    to.push({ isInk: step.isInk, corrections: this.corrections });
    this.corrections = step.corrections;
    this.selected = null;
    this.#isStepping = true;
    if (step.isInk) changeInk();
    this.#isStepping = false;
    this.ask();
  }

  #partsOf({ parts }: Selectable): StrokePart[] {
    return partsOf(parts, this.reading?.strokes ?? []);
  }

  /** Finished strokes that are left out whole. */
  #pale(): Set<InkStroke> {
    const { reading } = this;
    const pale = new Set<InkStroke>();
    for (const { parts, reason } of reading?.leftOut ?? []) {
      if (reason === 'dot') continue;
      for (const { stroke, from, to } of partsOf(parts, reading!.strokes))
        if (from === 0 && to === stroke.xs.length) pale.add(stroke);
    }
    if (this.ink.isPenDown) pale.delete(this.ink.strokes.at(-1) as InkStroke);
    return pale;
  }

  /** A short touch of a symbol selects it; beside symbols it ends a selection. */
  #isTap({ tool, xs, ys, times }: InkStroke): boolean {
    const extent = Math.max(...xs) - Math.min(...xs) + Math.max(...ys) - Math.min(...ys);
    const [begin, end] = [times[0], times[times.length - 1]];
    if (tool === 'keyboard' || extent > TAP_SIZE * this.#scale || end - begin > TAP_MS) return false;
    const before = this.#strokes.at(-1)?.times.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (!this.#wasSelected && begin - before < REST_MS) return false;
    const touched = this.#at(xs[0], ys[0]);
    this.selectedBy = 'pad';
    this.selected = touched;
    return touched !== null || this.#wasSelected;
  }

  /** The symbol at a place: of several the one whose middle is nearest. */
  #at(x: number, y: number): StrokePart[] | null {
    const reading = this.#readingBefore;
    if (!reading) return null;
    const reach = TAP_REACH * this.#scale;
    let [nearest, least]: [Selectable | null, number] = [null, Number.POSITIVE_INFINITY];
    for (const each of [...reading.symbols, ...reading.leftOut]) {
      const { left, top, right, bottom } = each.box;
      if (x < left - reach || x > right + reach || y < top - reach || y > bottom + reach) continue;
      const distance = Math.hypot(x - (left + right) / 2, y - (top + bottom) / 2);
      if (distance < least) [nearest, least] = [each, distance];
    }
    return nearest && partsOf(nearest.parts, reading.strokes);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Without what the page adds. */
function plain({ text, symbols, leftOut, of }: PadReading): SymbolReading {
  return { text, symbols, leftOut, of };
}
