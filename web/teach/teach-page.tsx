/** The Teach view: classes, drawings of them, live answers, training, figures, and files. */
import { useEffect, useState } from 'preact/hooks';
import { plural } from '#src/report/text.js';
import { useChanges, useTitle } from '../hooks.js';
import { Waiting } from '../states.js';
import '../style/charts.css';
import '../style/teach/frame.css';
import '../style/teach/sheet.css';
import '../style/teach/symbols.css';
import '../style/teach/begin.css';
import '../style/teach/widths.css';
import { AnswerPanel } from './answer-panel.js';
import { Begin } from './begin.js';
import { ClassCard } from './class-card.js';
import { FiguresCard } from './figures-card.js';
import { TeachSession } from './project/teach-session.js';
import { ProjectBar } from './project-bar.js';
import { isTaughtLater } from './project-desk.js';
import { TakeAway } from './take-away.js';
import { listenForTeachKeys } from './teach-shortcuts.js';
import { TrainingCard } from './training-card.js';
import { Paper } from './writing/paper.js';
import { WordReading } from './writing/word-paper.js';

/** Begins when the view is first opened, and lives as long as the page. */
const session = new TeachSession();
void session.start();

export default function TeachPage() {
  useChanges(session, 'frame');
  useTitle('Teach');
  useEffect(() => listenForTeachKeys(session), []);
  const isOver = useDrop((file) => void session.openFile(file));
  const { lesson, shelf } = session.desk;
  const isEmpty = lesson.classes.length === 0;
  return (
    <main class={`teach${isOver ? ' over' : ''}`} tabIndex={-1}>
      {!session.isReady ? (
        <section class="card notice">
          <Waiting what="Opening your projects" />
        </section>
      ) : (
        <>
          {(!isEmpty || shelf.length > 0) && <ProjectBar session={session} />}
          <ServedQuestion />
          <Notices />
          {isEmpty ? <Begin session={session} /> : <Lesson />}
        </>
      )}
    </main>
  );
}

function Lesson() {
  const { classes, drawings } = session.desk.lesson;
  return (
    <div class={`lesson${session.mode === 'word' ? ' writing' : ''}`}>
      <h1 class="hidden">Teach</h1>
      <div class="desk">
        <Paper session={session} />
        {session.mode === 'word' ? <WordReading session={session} /> : <AnswerPanel session={session} />}
      </div>
      <div class="results">
        <section aria-label="Symbols">
          <ul class="classes">
            {classes.map((each) => (
              <ClassCard
                key={each.id}
                session={session}
                class={each}
                drawings={drawings.filter((drawing) => drawing.class === each.id)}
              />
            ))}
          </ul>
          <button type="button" class="add-class" onClick={() => session.addClass()}>
            + Add a symbol
          </button>
        </section>
        <TrainingCard session={session} />
        <FiguresCard session={session} />
        <TakeAway session={session} />
        <p class="footnote">
          Your drawings and the network stay on this device: nothing is sent anywhere. The browser keeps them
          for this page.
        </p>
      </div>
    </div>
  );
}

/** Asks before the server's project file takes the place of what is kept of it. */
function ServedQuestion() {
  const { served, desk } = session;
  if (!served || desk.id !== served.id) return null; // Another project may be open meanwhile.
  const { classes, drawings } = served.project;
  return (
    <section class="notice-line question" aria-label="Which project to open">
      <p>
        <b>{served.name} differs from what this browser keeps of it.</b> The file has{' '}
        {plural(classes.length, 'symbol')} and {plural(drawings.length, 'drawing')}; kept are{' '}
        {plural(desk.lesson.classes.length, 'symbol')} and {plural(desk.lesson.drawings.length, 'drawing')},
        shown below.
        {isTaughtLater(served.project.network, desk.network) && ' The network of the file was taught later.'}
      </p>
      <button type="button" onClick={() => void session.chooseServed('file')}>
        Replace with the file
      </button>
      <button type="button" onClick={() => void session.chooseServed('kept')}>
        Keep what is here
      </button>
    </section>
  );
}

/** What was done, why something could not be done, and that nothing can be kept. */
function Notices() {
  const { message } = session;
  const { keeping } = session.desk;
  return (
    <>
      {keeping.state === 'refused' && (
        <p class="notice-line" role="alert">
          <b>Your work is not kept.</b> {keeping.reason} You can go on; before you close the page, save the
          project as a file.
        </p>
      )}
      <p class={message?.isProblem ? 'notice-line' : 'hidden'} role="status" id="teach-message">
        {message?.text}
      </p>
    </>
  );
}

/** Takes files that are dropped on the page. @returns whether one is over the page now */
function useDrop(take: (file: File) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      setIsOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setIsOver(false);
    const drop = (event: DragEvent) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      setIsOver(false);
      const file = event.dataTransfer?.files[0];
      if (file) take(file);
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, []);
  return isOver;
}
