/** Protects the open project, in Node.js: which networks of files are up to date, and what is said of its keeping. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaughtNetwork, TeachProject } from '#src/data/pens/project.js';
import { changeClass, EMPTY_LESSON } from '../../../web/teach/project/edits.js';
import { servedProject } from '../../../web/teach/project/served-project.js';
import { settled } from './fake-worker.js';

const { ProjectDesk } = await import('../../../web/teach/project-desk.js');

/** A project of these classes with a drawing each, and one without; its network was taught with A and B. */
function projectOf(...names: string[]): TeachProject {
  return {
    name: 'letters',
    classes: [...names, 'empty'].map((name, n) => ({ id: `c${n}`, name, colour: '#000000' })),
    drawings: names.map((_, n) => ({ id: `d${n}`, class: `c${n}`, drawing: [] })),
    network: { summary: { classes: ['A', 'B'], drawings: 2 } } as TaughtNetwork,
  };
}

test("a file's network is up to date if it knows its drawings, and its classes by their names", async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const desk = new ProjectDesk(() => {});
  await desk.add(projectOf('A', 'B'));
  assert.equal(desk.network?.isCurrent, true);
  assert.deepEqual(
    [...desk.network!.ids],
    [
      ['A', 'c0'],
      ['B', 'c1'],
    ],
  );
  await desk.add(projectOf('A', 'renamed'));
  assert.equal(desk.network.isCurrent, false);
  assert.deepEqual([...desk.network.ids], [['A', 'c0']]);
  await desk.add(projectOf('A', 'B', 'C'));
  assert.equal(desk.network.isCurrent, false);
});

test('a colour teaches nothing: the network stays up to date, until a symbol has another name', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const desk = new ProjectDesk(() => {});
  await desk.add(projectOf('A', 'B'));
  desk.edit(changeClass(desk.lesson, 'c0', { colour: '#123456' }), 'colour A');
  assert.equal(desk.network?.isCurrent, true);
  desk.edit(changeClass(desk.lesson, 'c0', { name: 'C' }), 'rename to C');
  assert.equal(desk.network.isCurrent, false);
});

test('a new project without symbols is not being kept for ever', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const desk = new ProjectDesk(() => {});
  await desk.add({ ...EMPTY_LESSON, network: null });
  assert.equal(desk.keeping.state, 'writing');
  t.mock.timers.tick(300);
  await settled();
  assert.equal(desk.keeping.state, 'kept');
});

/** A project file with a network that was taught at this hour; null: none. */
function fileOf(hour: number | null): TeachProject {
  const line = [
    [
      [0, 9],
      [0, 9],
    ],
  ];
  const taught = `2026-11-28T${hour}:00:00Z`;
  const project = projectOf('A', 'B');
  return {
    ...project,
    drawings: project.drawings.map((each) => ({ ...each, drawing: line })),
    network: hour === null ? null : { ...project.network!, taught },
  };
}

test("the server's file is asked about if its network was taught later; without one in the browser it is taken", async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const desk = new ProjectDesk(() => {});
  const open = (hour: number | null) => desk.openServed(fileOf(hour), 'served');
  assert.equal(await open(null), false);
  desk.shelf = [{ id: 'served', name: '', classes: 3, drawings: 2, changed: 0 }];
  assert.equal(await open(12), false);
  const taught = () => desk.network?.taught.slice(11, 13);
  assert.equal(taught(), '12');
  assert.deepEqual([await open(13), taught()], [true, '12']);
  assert.deepEqual([await open(11), await open(null), taught()], [false, false, '12']);
});

test('a file that the server no longer gives is named', async (t) => {
  t.mock.method(globalThis, 'fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  const list = { api: true, default: null, models: [], project: { name: 'signs.json', id: '1' } };
  await assert.rejects(servedProject(list), /signs\.json cannot be read: the server does not answer/);
});
