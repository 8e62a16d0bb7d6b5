/** Protects the changes of a project in the Teach view: undo visits every earlier project, no drawing loses its class. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EditHistory } from '../../../web/teach/project/edit-history.js';
import * as edits from '../../../web/teach/project/edits.js';
import { fileNameOf } from '../../../web/teach/project/teach-files.js';

const line = [
  [
    [0, 10],
    [0, 10],
  ],
];

/** A project of some classes and drawings. */
function lessonOf(perClass: readonly number[]): edits.Lesson {
  let lesson = edits.EMPTY_LESSON;
  for (const [n, count] of perClass.entries()) {
    const id = edits.freshId(lesson.classes, 'c');
    lesson = edits.addClass(lesson, { id, name: `class ${n}`, colour: edits.nextColour(lesson.classes) });
    for (let k = 0; k < count; k++) {
      lesson = edits.addDrawing(lesson, {
        id: edits.freshId(lesson.drawings, 'd'),
        class: id,
        drawing: line,
      });
    }
  }
  return lesson;
}

type Edit = (lesson: edits.Lesson) => edits.Lesson;

/** A class or drawing of the project, whatever its number is. */
const at = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];

const edit: fc.Arbitrary<Edit> = fc.tuple(fc.nat(5), fc.nat(20), fc.nat(20)).map(
  ([kind, a, b]): Edit =>
    (lesson) => {
      const [one, other] = [at(lesson.classes, a), at(lesson.classes, b)];
      const drawing = at(lesson.drawings, a);
      if (kind === 0 || !one || !other)
        return edits.addClass(lesson, {
          id: edits.freshId(lesson.classes, 'c'),
          name: edits.freshName(lesson.classes, 'symbol'),
          colour: edits.nextColour(lesson.classes),
        });
      if (kind === 1 && one.id !== other.id) return edits.mergeClasses(lesson, one.id, other.id);
      if (kind === 2) return edits.deleteClass(lesson, one.id);
      if (kind === 3 && drawing) return edits.deleteDrawings(lesson, new Set([drawing.id]));
      if (kind === 4 && drawing) return edits.moveDrawings(lesson, new Set([drawing.id]), other.id);
      return edits.addDrawing(lesson, {
        id: edits.freshId(lesson.drawings, 'd'),
        class: one.id,
        drawing: line,
      });
    },
);

test('after any edits ids are unique and every drawing has a class; undo and redo visit every project', () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 40 }), (list) => {
      const history = new EditHistory(edits.EMPTY_LESSON);
      const seen = [history.present];
      for (const change of list) {
        history.push(change(history.present), 'change');
        seen.push(history.present);
        const { classes, drawings } = history.present;
        const ids = new Set(classes.map(({ id }) => id));
        assert.equal(ids.size, classes.length);
        assert.equal(new Set(drawings.map(({ id }) => id)).size, drawings.length);
        assert.ok(drawings.every((each) => ids.has(each.class)));
      }
      for (let n = seen.length - 1; n > 0; n--) {
        assert.equal(history.present, seen[n]);
        history.undo();
      }
      assert.equal(history.undoable, null);
      assert.equal(history.present, seen[0]);
      for (let n = 1; n < seen.length; n++) {
        history.redo();
        assert.equal(history.present, seen[n]);
      }
      assert.equal(history.redoable, null);
    }),
  );
});

test('merging keeps all drawings; the drawings of a file join classes of the same name', () => {
  const lesson = lessonOf([2, 3]);
  const [one, other] = lesson.classes;
  const merged = edits.mergeClasses(lesson, one.id, other.id);
  assert.deepEqual([...edits.countsOf(merged)], [[other.id, 5]]);
  const joined = edits.joinLessons(lesson, lessonOf([1, 0, 4]));
  assert.deepEqual([...edits.countsOf(joined).values()], [3, 3, 4]);
  assert.equal(new Set(joined.drawings.map(({ id }) => id)).size, 10);
});

test('a name that a class cannot have is refused with the reason', () => {
  const { classes } = lessonOf([0, 0]);
  const problem = (name: string) => edits.nameProblem(classes, classes[0].id, name);
  assert.equal(problem('class 0'), null);
  assert.match(problem('class 1')!, /already a symbol “class 1”/);
  assert.match(problem('none')!, /answer for drawings of no symbol/);
  assert.match(problem('')!, /needs a name/);
  assert.match(problem('a\tb')!, /cannot have tabs/);
  assert.match(problem('x'.repeat(61))!, /at most 60 letters/);
});

test('the name of a file keeps the letters of every script, without accents on Latin ones', () => {
  assert.deepEqual(['Größe café', 'हिन्दी अक्षर', '한글 1', 'My symbols!', '…'].map(fileNameOf), [
    'große-cafe',
    'हिन्दी-अक्षर',
    '한글-1',
    'my-symbols',
    'my-symbols',
  ]);
});
