/**
 * What a network is taught from: the drawings of a project as strokes, a share of them held out to test it, and
 * generated drawings that belong to no class.
 */
import { NONE_CLASS } from '../data/class-names.js';
import { NegativeGenerator, type NegativeKind } from '../data/negatives/generator.js';
import { drawingOf, type TeachProject } from '../data/pens/project.js';
import { MAX_PROJECT_CLASSES } from '../data/pens/project-types.js';
import { withoutViews } from '../data/strokes/rotated-views.js';
import { concatenateStrokes, type StrokeExamples } from '../data/strokes/stroke-examples.js';
import type { StrokePreprocessing } from '../data/strokes/stroke-preprocessing.js';
import { quote } from '../formats/quotation.js';
import type { Drawing } from '../ink/drawing.js';
import { Random } from '../random.js';
import { prepareInput } from '../recognize/prepare-input.js';
import { UserError } from '../user-error.js';
import type { Features } from './features.js';
import { Nearest } from './nearest.js';

/** Drawings as examples of a training. */
export interface Lesson {
  /** Names of the classes, `none` last if there is one. */
  classes: string[];
  /** Index of the class `none`; null if there is none. */
  none: number | null;
  /** The drawings of the project in its order, then the negatives to train with. */
  examples: StrokeExamples;
  /** Ids of the drawings: of the first examples. */
  ids: string[];
  /** Drawings to train with until `heldOut` are answered, and those held out. */
  taught: Int32Array;
  heldOut: Int32Array;
  /** Negatives to train with, and how many of them take part in an epoch: others in each. */
  negatives: Int32Array;
  negativesPerEpoch: number;
  /** Fresh negatives to test with, none of them in `examples`; null without the class, or if it is drawn by the user. */
  others: StrokeExamples | null;
}

export interface LessonOptions {
  seed: number;
  /** Whether a class `none` is added. */
  none: boolean;
  /** Tells which negatives look like a class; null: those that might are left out. */
  features: Features | null;
  preprocessing: StrokePreprocessing;
  /** Called between drawings. */
  pause: () => Promise<void>;
}

/** One of this many drawings of a class is held out, and at least one. */
const HELD_OUT_SHARE = 5;
/** Fewest drawings of a class: one to train with, one to hold out. */
const LEAST_DRAWINGS = 2;
/** Negatives to train with: as many as drawings, within limits. In an epoch they count as this many classes. */
const NEGATIVES = { least: 60, most: 200, asClasses: 0.8 };
/** Negatives to test with. */
const TEST_NEGATIVES = 60;
const SPLIT_STREAM = 0x74656163; // 'teac'
/** Added to the seed: the negatives of the test are never trained with. */
const TEST_SEED = 2 ** 32;
/** Letters and shapes can be a class of the project: only with features can they be told from it. */
const SHARES: readonly NegativeKind[] = ['letters', 'scribbles', 'letters', 'shapes'];
const SAFE: readonly NegativeKind[] = ['scribbles', 'pieces'];

/** A drawing with its strokes as a network reads them. */
interface Usable {
  id: string;
  label: number;
  drawing: Drawing;
  moves: Int16Array;
}

/** @throws UserError if there are too few or too many classes, or too few drawings of one */
export async function prepareLesson(project: TeachProject, options: LessonOptions): Promise<Lesson> {
  const { seed, preprocessing, pause } = options;
  const drawn = new Set(project.drawings.map((each) => each.class));
  const own = project.classes.filter((each) => drawn.has(each.id));
  const labels = new Map(own.map((each, k) => [each.id, k]));
  const names = own.map((each) => each.name);
  const usable: Usable[] = [];
  for (const each of project.drawings) {
    await pause();
    const drawing = drawingOf(each);
    const label = labels.get(each.class);
    const moves = prepareInput({ kind: 'drawing', ...drawing }, withoutViews(preprocessing))?.saw.moves;
    if (label !== undefined && moves) usable.push({ id: each.id, label, drawing, moves });
  }
  checkCounts(
    project.name,
    names.map((name, k) => ({ name, count: usable.filter((each) => each.label === k).length })),
  );
  const isAdded = options.none && !names.includes(NONE_CLASS);
  const classes = isAdded ? [...names, NONE_CLASS] : names;
  const { taught, heldOut } = split(usable, names.length, seed);
  const negatives = isAdded ? await negativesFor(usable, options) : null;
  const added = negatives?.train ?? [];
  const all = [...usable.map((each) => each.moves), ...added];
  const none = classes.indexOf(NONE_CLASS);
  return {
    classes,
    none: none < 0 ? null : none,
    examples: concatenateStrokes(
      all,
      [...usable.map((each) => each.label), ...added.map(() => none)],
      'drawings',
    ),
    ids: usable.map((each) => each.id),
    taught: Int32Array.from(taught),
    heldOut: Int32Array.from(heldOut),
    negatives: Int32Array.from(added, (_, n) => usable.length + n),
    negativesPerEpoch: Math.min(
      added.length,
      Math.ceil((NEGATIVES.asClasses * usable.length) / names.length),
    ),
    others:
      negatives &&
      concatenateStrokes(
        negatives.test,
        negatives.test.map(() => none),
        'negatives',
      ),
  };
}

/**
 * Checks that a network can be taught this many classes and drawings.
 *
 * @param project name of the project
 * @param classes those with drawings, and how many drawings of each can be used
 * @throws UserError if there are too few or too many classes, or too few drawings of one
 */
export function checkCounts(project: string, classes: readonly { name: string; count: number }[]): void {
  if (classes.length < 2) {
    throw new UserError(
      `teach: the project ${quote(project)} has drawings of ${classes.length} class${classes.length === 1 ? '' : 'es'}; ` +
        'draw at least 2 classes, with 5 to 10 drawings each',
    );
  }
  if (classes.length > MAX_PROJECT_CLASSES) {
    throw new UserError(
      `teach: the project ${quote(project)} has drawings of ${classes.length} classes; at most ${MAX_PROJECT_CLASSES} ` +
        'can be taught. Merge or remove classes, or make two projects of them',
    );
  }
  for (const { name, count } of classes) {
    if (count >= LEAST_DRAWINGS) continue;
    throw new UserError(
      `teach: the class ${quote(name)} has ${count} drawing${count === 1 ? '' : 's'} with lines; ` +
        `each class needs at least ${LEAST_DRAWINGS}, better 5 to 10. Draw more of it, or remove the class`,
    );
  }
}

/** Indices of the drawings to train with and to hold out. */
function split(
  usable: readonly Usable[],
  classes: number,
  seed: number,
): { taught: number[]; heldOut: number[] } {
  const heldOut = new Set<number>();
  for (let k = 0; k < classes; k++) {
    const members = usable.flatMap((each, n) => (each.label === k ? [n] : []));
    new Random(seed, SPLIT_STREAM, k).shuffle(members);
    const count = Math.max(1, Math.round(members.length / HELD_OUT_SHARE));
    for (const n of members.slice(0, count)) heldOut.add(n);
  }
  const indices = usable.map((_, n) => n);
  return { taught: indices.filter((n) => !heldOut.has(n)), heldOut: indices.filter((n) => heldOut.has(n)) };
}

/** Drawings that look like none of the classes, for training and for the test. */
async function negativesFor(
  usable: readonly Usable[],
  options: LessonOptions,
): Promise<{ train: Int16Array[]; test: Int16Array[] }> {
  const { features, seed, preprocessing, pause } = options;
  const nearest = features && new Nearest();
  if (features && nearest) {
    const found = await features.ofAll(usable.map((each) => each.drawing));
    for (const [n, feature] of found.entries()) {
      await pause();
      if (feature) nearest.add(usable[n].id, String(usable[n].label), feature);
    }
  }
  const kinds = features ? SHARES : SAFE;
  const make = async (count: number, from: number): Promise<Int16Array[]> => {
    const generator = new NegativeGenerator({
      seed: from,
      digits: false,
      strokes: true,
      examples: {
        count: usable.length,
        labelOf: (i) => usable[i].label,
        at: (i) => ({ kind: 'strokes', moves: usable[i].moves }),
      },
    });
    const made: Int16Array[] = [];
    // Not endless: a project may have a class for everything that is generated.
    for (let i = 0; made.length < count && i < 4 * count; i += BATCH) {
      const drawings: Drawing[] = [];
      for (let n = i; n < i + BATCH; n++) {
        await pause();
        const { drawing } = generator.at(n, kinds[n % kinds.length]);
        if (drawing) drawings.push(drawing);
      }
      const found = await features?.ofAll(drawings);
      for (const [n, drawing] of drawings.entries()) {
        await pause();
        const moves = prepareInput({ kind: 'drawing', ...drawing }, withoutViews(preprocessing))?.saw.moves;
        const feature = found?.[n];
        const chance = feature ? (nearest?.answer(feature)?.none ?? 1) : 1;
        if (moves && chance >= LOOKS_LIKE_ONE && made.length < count) made.push(moves);
      }
    }
    return made;
  };
  const count = Math.min(NEGATIVES.most, Math.max(NEGATIVES.least, usable.length));
  return { train: await make(count, seed), test: await make(TEST_NEGATIVES, TEST_SEED + seed) };
}

/** Negatives whose features are computed at once. */
const BATCH = 30;
/** A negative whose chance to be none (nearest.ts) is lower is left out. */
const LOOKS_LIKE_ONE = 0.5;
