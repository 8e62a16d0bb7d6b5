/** Protects the starters: functions of the seed, varied, and projects like a user's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProject, writeProject } from '#src/data/pens/project.js';
import { STARTERS, type StarterName, starterProject } from '#src/teach/starters.js';

for (const { name } of STARTERS) {
  test(`${name}: the same for the same seed, varied, and a project that is read as it is written`, () => {
    const project = starterProject(name);
    assert.deepEqual(starterProject(name), project);
    assert.notDeepEqual(starterProject(name, { seed: 1 }).drawings, project.drawings);
    assert.deepEqual(readProject(writeProject(project), 'p'), project);
    assert.equal(
      new Set(project.drawings.map(({ drawing }) => JSON.stringify(drawing))).size,
      project.drawings.length,
    );
    for (const { id } of project.classes) {
      assert.equal(project.drawings.filter((drawing) => drawing.class === id).length, 8);
    }
    const all = project.drawings.flatMap(({ drawing }) => drawing.flat(2));
    assert.ok(
      all.every((value) => value >= -30 && value <= 286),
      `${Math.min(...all)} … ${Math.max(...all)}`,
    );
  });
}

test('names and numbers that there are not', () => {
  assert.throws(
    () => starterProject('x' as StarterName),
    /expected one of digits, arrows, shapes, found "x"/,
  );
  assert.throws(() => starterProject('arrows', { seed: 1.5 }), /seed must be a whole number from 0 to/);
  assert.throws(() => starterProject('arrows', { perClass: 0 }), /perClass must be a whole number from 1/);
});
