/** Protects project files: what is written is read again, hostile files are refused with a reason, trainings read them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { loadPenStrokes } from '#src/data/pens/drawing-dataset.js';
import {
  drawingOf,
  drawingsToNdjson,
  projectFromNdjson,
  readProject,
  type TeachProject,
  writeProject,
} from '#src/data/pens/project.js';
import { readInputs } from '#src/recognize/input-files.js';
import { starterProject } from '#src/teach/starters.js';
import { UserError } from '#src/user-error.js';

const folder = mkdtempSync(join(tmpdir(), 'scanstroke-project-'));
after(() => rmSync(folder, { recursive: true }));

const coordinate = fc.integer({ min: -2000, max: 2000 }).map((value) => value / 4);
const stroke = fc
  .array(fc.tuple(coordinate, coordinate), { maxLength: 8 })
  .map((points) => [points.map(([x]) => x), points.map(([, y]) => y)]);
const names = fc.uniqueArray(
  fc.string({ minLength: 1, maxLength: 12 }).filter((name) => !/\p{Cc}/u.test(name)),
  {
    minLength: 1,
    maxLength: 5,
  },
);
/** Any project. */
const projects: fc.Arbitrary<TeachProject> = names.chain((classes) =>
  fc.record({
    name: fc.string({ maxLength: 20 }),
    classes: fc.constant(classes.map((name, k) => ({ id: `c${k}`, name, colour: '#12ab9f' }))),
    drawings: fc
      .array(fc.tuple(fc.nat(classes.length - 1), fc.array(stroke, { maxLength: 3 })), { maxLength: 6 })
      .map((drawings) =>
        drawings.map(([k, drawing], n) => ({
          id: `d${n}`,
          class: `c${k}`,
          drawing,
          ...(n % 2 === 0 && { made: '2026-11-28T12:00:00.000Z' }),
        })),
      ),
    network: fc.option(
      fc.record({
        checkpoint: fc.uint8Array({ maxLength: 50 }),
        taught: fc.constant('2026-11-28T12:00:00.000Z'),
        summary: fc.record({
          classes: fc.constant(classes),
          drawings: fc.nat(),
          epochs: fc.nat(),
          seconds: fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value + 0),
          heldOut: fc.record({ correct: fc.nat(), count: fc.nat() }),
          confusions: fc.constant([{ drawn: classes[0], answered: 'none', drawings: ['d0'] }]),
          none: fc.option(
            fc.record({ falseAlarms: fc.nat(), symbols: fc.nat(), refused: fc.nat(), others: fc.nat() }),
          ),
        }),
      }),
    ),
  }),
);

test('a project is read as it was written', () => {
  fc.assert(
    fc.property(projects, fc.boolean(), (project, asBytes) => {
      const written = writeProject(project);
      const read = readProject(asBytes ? new TextEncoder().encode(written) : written, 'p.json');
      // fast-check's records may have no prototype, which deepEqual tells apart; clones have one.
      assert.deepEqual(read, structuredClone(project));
    }),
    { numRuns: 200 },
  );
});

test('a project without a network is written as one that is not taught', () => {
  const { network: _, ...untaught } = starterProject('arrows', { perClass: 1 });
  assert.equal(readProject(writeProject(untaught as TeachProject), 'written').network, null);
});

test('lines of Quick, Draw! keep classes, ids, order and shapes', () => {
  const project = starterProject('arrows', { perClass: 3 });
  const text = drawingsToNdjson(project);
  const again = projectFromNdjson(text, 'arrows', 'arrows.ndjson');
  const summary = ({ classes, drawings }: TeachProject) =>
    drawings.map((each) => [each.id, classes.find(({ id }) => id === each.class)?.name, each.drawing.length]);
  assert.deepEqual(summary(again), summary(project));
  for (const { drawing } of again.drawings) {
    const all = drawing.flat(2);
    assert.ok(Math.min(...all) === 0 && Math.max(...all) === 255 && all.every(Number.isInteger));
  }
  assert.equal(drawingsToNdjson(again), text, 'a second time changes nothing');
});

test("lines of Quick, Draw! itself become a project, with the date in the project's form", () => {
  const line =
    '{"word":"cat","countrycode":"VE","timestamp":"2017-03-02 23:25:10.07453 UTC","recognized":true,"key_id":"5201136883597312","drawing":[[[130,113,99],[72,40,27]],[[42,99],[12,7]]]}';
  const { classes, drawings } = projectFromNdjson(`${line}\n${line}\n\n`, 'cats', 'cat.ndjson');
  assert.deepEqual(
    classes.map(({ name }) => name),
    ['cat'],
  );
  assert.deepEqual(
    drawings.map(({ id, made }) => [id, made]),
    [
      ['5201136883597312', '2017-03-02T23:25:10.074Z'],
      ['drawing-2', '2017-03-02T23:25:10.074Z'],
    ],
  );
  assert.throws(() => projectFromNdjson('{"drawing":[]}', 'x', 'x.ndjson'), /x\.ndjson:1: expected a "word"/);
});

describe('files that are no project are refused with the place', () => {
  const good = () => JSON.parse(writeProject(starterProject('arrows', { perClass: 1 })));
  const cases: [name: string, change: (project: ReturnType<typeof good>) => unknown, message: RegExp][] = [
    ['no object', () => [1], /expected a project of scanstroke/],
    ['another format', (p) => ({ ...p, format: 'x' }), /expected a project of scanstroke/],
    ['a later version', (p) => ({ ...p, version: 2 }), /version.*update scanstroke/],
    ['no classes', (p) => ({ ...p, classes: 7 }), /"classes": expected a list/],
    [
      'two classes of one name',
      (p) => ({ ...p, classes: [...p.classes, { ...p.classes[0], id: 'z' }] }),
      /name of two classes/,
    ],
    [
      'two classes of one id',
      (p) => ({ ...p, classes: [...p.classes, { ...p.classes[0], name: 'z' }] }),
      /occurs twice/,
    ],
    [
      'an unknown class',
      (p) => ({ ...p, drawings: [{ ...p.drawings[0], class: 'z' }] }),
      /no class with this id/,
    ],
    ['an empty id', (p) => ({ ...p, drawings: [{ ...p.drawings[0], id: '' }] }), /text that is not empty/],
    [
      'x without y',
      (p) => ({ ...p, drawings: [{ ...p.drawings[0], drawing: [[[1, 2]]] }] }),
      /drawing 0 .*stroke 0/,
    ],
    [
      'a coordinate that is no number',
      (p) => ({ ...p, drawings: [{ ...p.drawings[0], drawing: [[[1], [null]]] }] }),
      /finite numbers/,
    ],
    [
      'a huge coordinate',
      (p) => ({ ...p, drawings: [{ ...p.drawings[0], drawing: [[[1e300], [1]]] }] }),
      /finite numbers/,
    ],
    [
      'a colour that is none',
      (p) => ({ ...p, classes: [{ ...p.classes[0], colour: 'url(x)' }] }),
      /a colour like/,
    ],
    [
      'a network that is no base64',
      (p) => ({ ...p, network: { checkpoint: '%', taught: '2026-01-01', summary: {} } }),
      /base64/,
    ],
    [
      'a summary without numbers',
      (p) => ({ ...p, network: { checkpoint: '', taught: '2026-01-01', summary: {} } }),
      /summary/,
    ],
  ];
  for (const [name, change, message] of cases) {
    test(name, () => {
      const text = JSON.stringify(change(good()));
      assert.throws(
        () => readProject(text, 'p.json'),
        (error) => error instanceof UserError && message.test(error.message),
      );
    });
  }
  test('a file that is cut short, and an enormous one', () => {
    assert.throws(() => readProject('{"format": "scanstroke-proj', 'p.json'), /p\.json: not valid JSON/);
    assert.throws(() => readProject(' '.repeat(2 ** 26 + 1), 'p.json'), /Take out drawings/);
  });
});

test('a project that cannot be read again is not written', () => {
  const project = starterProject('arrows', { perClass: 1 });
  project.drawings[0].drawing[0][0][0] = Number.NaN;
  assert.throws(() => writeProject(project), UserError);
});

describe('a training reads a project', () => {
  const load = async (perClass: number) => {
    const path = join(folder, `signs-${perClass}.json`);
    writeFileSync(path, writeProject(starterProject('arrows', { perClass })));
    return loadPenStrokes(path, 'signs');
  };
  for (const [perClass, tests] of [
    [3, 1],
    [5, 1],
    [10, 1],
    [14, 2],
  ]) {
    test(`${perClass} drawings a class: ${tests} of each for the test`, async () => {
      const { classes, train, test: held } = await load(perClass);
      assert.deepEqual(classes, ['arrow down', 'arrow left', 'arrow right', 'arrow up']);
      assert.equal(held.count, 4 * tests);
      assert.equal(train.count, 4 * (perClass - tests));
      assert.deepEqual([...new Set(held.labels)].sort(), [0, 1, 2, 3]);
    });
  }
  test('two drawings a class: one to train on and one to validate; the message says how many are needed', async () => {
    await assert.rejects(
      load(2),
      /8 to train and 0 to test.*at least 3 drawings of each class, better 5 to 10/,
    );
  });
});

test('classes of a project without drawings are named', async () => {
  const path = join(folder, 'bare.json');
  const project = starterProject('arrows', { perClass: 3 });
  const [{ id, name }] = project.classes;
  project.drawings = project.drawings.filter((drawing) => drawing.class !== id);
  writeFileSync(path, writeProject(project));
  const { classes, notices } = await loadPenStrokes(path, 'bare');
  assert.equal(classes.includes(name), false);
  assert.deepEqual(notices, [
    `bare: the class "${name}" without drawings left out: the network will not know it`,
  ]);
});

test('predict reads the drawings of a project in their order', async () => {
  const path = join(folder, 'to-predict.json');
  const project = starterProject('shapes', { perClass: 1 });
  writeFileSync(path, writeProject(project));
  const inputs = await readInputs(path);
  assert.deepEqual(
    inputs.map(({ name, input }) => [name, input]),
    project.drawings.map((each, n) => [`${path}:${n}`, { kind: 'drawing', ...drawingOf(each) }]),
  );
});
