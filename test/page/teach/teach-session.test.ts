/** Protects the state of the Teach view, in Node.js: no drawing is lost, whatever is chosen next. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TeachProject, TeachSummary } from '#src/data/pens/project.js';
import { EMPTY_LESSON } from '../../../web/teach/project/edits.js';
import type { LiveReply } from '../../../web/workers/teach-protocol.js';
import { FakeWorker, settled } from './fake-worker.js';

const { TeachSession } = await import('../../../web/teach/project/teach-session.js');
type Session = InstanceType<typeof TeachSession>;

/** A session with two classes, of which the second is chosen. The clock of the test stands. */
function newSession(t: TestContext): Session {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const session = new TeachSession();
  session.addClass();
  session.addClass();
  return session;
}

function drawLine({ ink }: Session): void {
  ink.begin('keyboard', 100, 100, 0.5, 0);
  ink.extend(100, 300, 0.5, 10);
  ink.extended();
  ink.end();
}

const classesOf = ({ desk }: Session) => desk.lesson.drawings.map((drawing) => drawing.class);

test('a drawing that is not taken yet becomes an example when another symbol or mode is chosen', (t) => {
  const session = newSession(t);
  const ways = [() => session.choose('c1'), () => session.setMode('try'), () => session.addClass()];
  for (const [n, way] of ways.entries()) {
    session.choose('c2');
    drawLine(session);
    way();
    assert.deepEqual(classesOf(session), Array(n + 1).fill('c2'));
    assert.equal(session.ink.pointCount, 0);
  }
  session.setMode('try');
  drawLine(session);
  session.choose('c1');
  assert.equal(classesOf(session).length, 3, 'a drawing to try is no example');
});

test('a drawing that is not taken yet shares the fate of its symbol: merged or deleted, and undone', (t) => {
  const session = newSession(t);
  drawLine(session);
  session.merge('c2', 'c1');
  assert.deepEqual([classesOf(session), session.chosen, session.ink.pointCount], [['c1'], 'c1', 0]);
  session.addClass();
  const added = session.chosen;
  drawLine(session);
  session.deleteClass(`${added}`);
  assert.deepEqual([classesOf(session), session.chosen, session.ink.pointCount], [['c1'], 'c1', 0]);
  session.desk.undo();
  assert.deepEqual(classesOf(session), ['c1', added]);
});

test('a drawing for a symbol that an undo takes away does not go to another one', (t) => {
  const session = newSession(t);
  drawLine(session);
  session.desk.undo();
  assert.deepEqual([session.chosen, session.ink.pointCount], ['c1', 0]);
  session.take();
  assert.deepEqual(classesOf(session), []);
});

/** A file of lines of drawings: one of each of these symbols. */
const fileOf = (names: readonly string[]) =>
  new File(
    names.map(
      (word) =>
        `${JSON.stringify({
          word,
          drawing: [
            [
              [0, 9],
              [0, 9],
            ],
          ],
        })}\n`,
    ),
    'signs.ndjson',
  );

test('a project does not become larger than its file may be: symbols, drawings and files are refused', async (t) => {
  const session = newSession(t);
  const counts = () => [session.desk.lesson.classes.length, session.desk.lesson.drawings.length];
  const names = Array.from({ length: 253 }, (_, n) => `sign ${n}`);
  await session.openFile(fileOf(names));
  assert.deepEqual(counts(), [255, 253]);
  session.addClass();
  assert.match(session.message?.text ?? '', /at most 255 symbols; this would be 256\. Merge or delete some/);
  await session.openFile(fileOf(['another']));
  assert.deepEqual([counts(), session.message?.isProblem], [[255, 253], true]);

  const { lesson } = session.desk;
  const drawings = Array.from({ length: 20_000 }, (_, n) => ({ ...lesson.drawings[0], id: `${n}` }));
  session.desk.edit({ ...lesson, drawings }, 'draw much');
  drawLine(session);
  session.take();
  assert.match(session.message?.text ?? '', /at most 20000 drawings; this would be 20001/);
  assert.equal(counts()[1], 20_000);
  assert.ok(session.ink.pointCount > 0, 'the drawing stays on the canvas');
});

test('a drawing that is not taken yet is in its project when another one is opened', async (t) => {
  const session = newSession(t);
  drawLine(session);
  void session.desk.add({ ...EMPTY_LESSON, network: null });
  assert.deepEqual(classesOf(session), ['c2']);
  await settled();
});

/** A project of two symbols with two drawings each, and the network that was taught with them. */
function taughtProject(second = 'b'): TeachProject {
  const classes = ['a', 'b'].map((id) => ({ id, name: id === 'b' ? second : id, colour: '#000000' }));
  const drawings = ['a1', 'a2', 'b1', 'b2'].map((id) => ({ id, class: id[0], drawing: [] }));
  const summary = { classes: ['a', second], drawings: 4 } as TeachSummary;
  return {
    name: 'signs',
    classes,
    drawings,
    network: { checkpoint: new Uint8Array(1), taught: '', summary },
  };
}

test('a network that cannot be opened is not taken for taught: the reason is said, and it is taught anew', async (t) => {
  const session = newSession(t);
  const answers = FakeWorker.made.at(-2) as FakeWorker;
  await session.desk.add(taughtProject());
  assert.deepEqual([session.desk.network?.isCurrent, session.training.state], [true, 'idle']);
  await answers.fail('network', 'the taught network: not a checkpoint');
  assert.match(session.message?.text ?? '', /needs a new training.*not a checkpoint/);
  assert.deepEqual([session.desk.network?.isCurrent, session.training.state], [false, 'waiting']);
});

test('a symbol that is named none is answered once, by the network and by the examples', async (t) => {
  const session = newSession(t);
  const worker = FakeWorker.made.at(-2) as FakeWorker;
  await session.desk.add(taughtProject('none'));
  await worker.answer('network', ['a', 'none']);
  // A question is asked for several points of the line.
  const answerAll = async (reply: LiveReply) => {
    for (let n = 0; n < 4; n++) await worker.answer('answer', reply);
  };
  session.setMode('try');
  drawLine(session);
  await answerAll({ nearest: null, network: Float32Array.of(0.25, 0.75), networkClasses: ['a', 'none'] });
  const shown = () => [
    session.answers.answer?.by,
    session.answers.answer?.shares,
    session.answers.answer?.none,
  ];
  assert.deepEqual(shown(), ['network', [0.25, 0.75], null]);
  const nearest = { classes: ['a', 'b'], probabilities: Float32Array.of(0.5, 0.5), none: 0.5 };
  session.ink.clear();
  drawLine(session);
  await answerAll({ nearest, network: null, networkClasses: [] });
  assert.deepEqual(shown(), ['examples', [0.25, 0.75], null]);
});
