/** Changes of a project, each a function from the project before to the project after. Nothing is changed in place. */
import {
  MAX_PROJECT_CLASSES,
  MAX_PROJECT_DRAWINGS,
  type TeachClass,
  type TeachDrawing,
  type TeachProject,
} from '#src/data/pens/project-types.js';

/** The part of a project that people edit, and that undo brings back. */
export type Lesson = Pick<TeachProject, 'name' | 'classes' | 'drawings'>;

export const EMPTY_LESSON: Lesson = { name: 'My symbols', classes: [], drawings: [] };

/** Colours of new classes, in this order; neighbours differ in hue and lightness. */
const COLOURS = [
  '#2c63c2',
  '#d9730d',
  '#2f9e6e',
  '#c2377a',
  '#8a5cd6',
  '#b8860b',
  '#1595a8',
  '#c74436',
  '#5f8a1f',
  '#5b6bd6',
  '#a0522d',
  '#3f7d8f',
];

/** The next colour that fewest classes have. */
export function nextColour(classes: readonly TeachClass[]): string {
  const uses = (colour: string) => classes.filter((each) => each.colour === colour).length;
  return COLOURS.reduce((best, colour) => (uses(colour) < uses(best) ? colour : best));
}

/** An id that the list does not have: `c1`, `c2`, … */
export function freshId(taken: readonly { id: string }[], letter: string): string {
  const ids = new Set(taken.map(({ id }) => id));
  let n = taken.length + 1;
  while (ids.has(`${letter}${n}`)) n++;
  return `${letter}${n}`;
}

/** `base` with the first number that no class has: `symbol 1`. */
export function freshName(classes: readonly TeachClass[], base: string): string {
  const names = new Set(classes.map(({ name }) => name));
  for (let n = 1; ; n++) {
    const name = `${base} ${n}`;
    if (!names.has(name)) return name;
  }
}

/** Why a class cannot have this name; null if it can. */
export function nameProblem(classes: readonly TeachClass[], id: string, name: string): string | null {
  if (name === '') return 'A symbol needs a name.';
  if (/\p{Cc}/u.test(name))
    return 'A name cannot have tabs or other control characters. Choose another name.';
  if (name === 'none') return 'none is the answer for drawings of no symbol. Choose another name.';
  if ([...name].length > 60) return 'A name has at most 60 letters.';
  if (classes.some((each) => each.id !== id && each.name === name))
    return `There is already a symbol “${name}”. Choose another name, or merge the two.`;
  return null;
}

/** Why a project cannot become this large: its file could not be read again. Null if it can. */
export function sizeProblem({ classes, drawings }: Lesson): string | null {
  if (classes.length > MAX_PROJECT_CLASSES)
    return `A project has at most ${MAX_PROJECT_CLASSES} symbols; this would be ${classes.length}. Merge or delete some, or begin another project.`;
  if (drawings.length > MAX_PROJECT_DRAWINGS)
    return `A project has at most ${MAX_PROJECT_DRAWINGS} drawings; this would be ${drawings.length}. Delete some, or begin another project.`;
  return null;
}

export function addClass(lesson: Lesson, added: TeachClass): Lesson {
  return { ...lesson, classes: [...lesson.classes, added] };
}

export function changeClass(
  lesson: Lesson,
  id: string,
  change: Partial<Pick<TeachClass, 'name' | 'colour'>>,
): Lesson {
  return {
    ...lesson,
    classes: lesson.classes.map((each) => (each.id === id ? { ...each, ...change } : each)),
  };
}

/** Moves all drawings of a class to another, and removes the class. */
export function mergeClasses(lesson: Lesson, from: string, into: string): Lesson {
  return {
    ...lesson,
    classes: lesson.classes.filter(({ id }) => id !== from),
    drawings: lesson.drawings.map((each) => (each.class === from ? { ...each, class: into } : each)),
  };
}

/** Removes a class with its drawings. */
export function deleteClass(lesson: Lesson, id: string): Lesson {
  return {
    ...lesson,
    classes: lesson.classes.filter((each) => each.id !== id),
    drawings: lesson.drawings.filter((each) => each.class !== id),
  };
}

export function addDrawing(lesson: Lesson, drawing: TeachDrawing): Lesson {
  return { ...lesson, drawings: [...lesson.drawings, drawing] };
}

export function deleteDrawings(lesson: Lesson, ids: ReadonlySet<string>): Lesson {
  return { ...lesson, drawings: lesson.drawings.filter(({ id }) => !ids.has(id)) };
}

export function moveDrawings(lesson: Lesson, ids: ReadonlySet<string>, into: string): Lesson {
  return {
    ...lesson,
    drawings: lesson.drawings.map((each) => (ids.has(each.id) ? { ...each, class: into } : each)),
  };
}

/** Adds the classes and drawings of another project: classes of the same name become one. */
export function joinLessons(lesson: Lesson, other: Lesson): Lesson {
  const classes = [...lesson.classes];
  const drawings = [...lesson.drawings];
  const idOf = new Map<string, string>();
  for (const { id, name } of other.classes) {
    let same = classes.find((each) => each.name === name);
    if (!same) {
      same = { id: freshId(classes, 'c'), name, colour: nextColour(classes) };
      classes.push(same);
    }
    idOf.set(id, same.id);
  }
  const taken = new Set(drawings.map(({ id }) => id));
  let n = drawings.length;
  for (const each of other.drawings) {
    do n++;
    while (taken.has(`d${n}`));
    drawings.push({ ...each, id: `d${n}`, class: idOf.get(each.class) as string });
  }
  return { ...lesson, classes, drawings };
}

/** Whether a network learns the same from both: drawings, and names of classes. Colours teach nothing. */
export function teachSame(a: Lesson, b: Lesson): boolean {
  return (
    a.drawings === b.drawings &&
    a.classes.length === b.classes.length &&
    a.classes.every(({ id, name }, n) => id === b.classes[n].id && name === b.classes[n].name)
  );
}

/** Number of drawings of each class. */
export function countsOf({ classes, drawings }: Lesson): Map<string, number> {
  const counts = new Map(classes.map(({ id }) => [id, 0]));
  for (const each of drawings) counts.set(each.class, (counts.get(each.class) ?? 0) + 1);
  return counts;
}

/** Classes A to Z without drawings. */
export function alphabet(): Lesson {
  let lesson: Lesson = { name: 'My alphabet', classes: [], drawings: [] };
  for (const name of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') {
    const colour = nextColour(lesson.classes);
    lesson = addClass(lesson, { id: freshId(lesson.classes, 'c'), name, colour });
  }
  return lesson;
}
