/** What it is: the answer to the drawing under the pen, a bar for each class, and “none of these”. */
import type { TeachClass } from '#src/data/pens/project.js';
import { SURE_FROM } from '#src/recognize/recognizer.js';
import { formatChance } from '../charts/classes.js';
import { useChanges } from '../hooks.js';
import { ClassChoice } from './class-choice.js';
import { countsOf, type Lesson } from './project/edits.js';
import type { LiveAnswer } from './project/live-answers.js';
import type { TeachSession } from './project/teach-session.js';

/** With more classes than this, only the likeliest get a bar. */
const MAX_BARS = 8;
const BY = {
  examples: 'by comparison with your examples',
  network: 'by the taught network',
};

interface Row {
  id: string;
  name: string;
  colour: string | null;
  share: number;
}

export function AnswerPanel({ session }: { session: TeachSession }) {
  useChanges(session);
  const { answers, desk, ink } = session;
  const reason = whyNoAnswer(session);
  const answer = ink.pointCount > 0 && reason === null ? answers.answer : null;
  const rows = rowsOf(answer, desk.lesson);
  const best = answer ? rows.reduce((a, b) => (b.share > a.share ? b : a)) : null;
  return (
    <section
      class={`card what${best && best.share < SURE_FROM ? ' unsure' : ''}`}
      aria-label="Answer"
      data-by={answer?.by}
    >
      <header>
        <h2>What is it?</h2>
        {answer && <p class="muted by">{BY[answer.by]}</p>}
      </header>
      {best && answer ? (
        <p class="found">
          <strong class={best.colour === null ? 'none' : ''}>
            <bdi>{best.name}</bdi>
          </strong>{' '}
          <span class="chance">{formatChance(best.share)}</span>{' '}
          {best.share < SURE_FROM && <span class="doubt">not sure</span>}
        </p>
      ) : (
        <p class="found muted">
          {reason ?? (ink.pointCount > 0 ? 'Only a dot so far' : 'Draw, and it answers.')}
        </p>
      )}
      {reason === null && (
        <ol class="shares" aria-hidden="true">
          {shownRows(rows).map(({ id, name, colour, share }) => (
            <li key={id} class={id === best?.id ? 'best' : ''} data-class={name} data-share={share}>
              <bdi>{name}</bdi>
              <span class="lane">
                <span class="fill" style={{ '--share': share, '--colour': colour ?? 'var(--axis)' }} />
              </span>
              <span class="percent">{answer ? formatChance(share) : ''}</span>
            </li>
          ))}
        </ol>
      )}
      {session.mode === 'try' && ink.pointCount > 0 && !ink.isPenDown && (
        <Correction session={session} classes={desk.lesson.classes} />
      )}
      {answers.problem && (
        <p class="problem" role="alert">
          {answers.problem}
        </p>
      )}
    </section>
  );
}

/** Why there can be no answer yet; null if there can. */
export function whyNoAnswer({ answers, desk }: TeachSession): string | null {
  const counts = [...countsOf(desk.lesson).values()].filter((count) => count > 0);
  if (answers.networkAnswers) return null;
  if (counts.length < 2) return 'It answers as soon as two symbols have a drawing each.';
  if (answers.features === 'loading') return 'Loading the network …';
  if (answers.features === 'missing')
    return 'It answers after the first training: two drawings each are enough.';
  return null;
}

/** A row for each class in their order, then none. */
function rowsOf(answer: LiveAnswer | null, lesson: Lesson): Row[] {
  const counts = countsOf(lesson);
  const shareOf = (id: string) => answer?.shares[answer.classes.indexOf(id)] ?? 0;
  const rows: Row[] = lesson.classes
    .filter(({ id }) => (counts.get(id) ?? 0) > 0)
    .map(({ id, name, colour }) => ({ id, name, colour, share: shareOf(id) }));
  if (answer?.none !== null) {
    rows.push({ id: ' none', name: 'none of these', colour: null, share: answer?.none ?? 0 });
  }
  return rows;
}

/** The likeliest, in the order of the classes. */
function shownRows(rows: Row[]): Row[] {
  if (rows.length <= MAX_BARS) return rows;
  const likeliest = new Set(rows.toSorted((a, b) => b.share - a.share).slice(0, MAX_BARS - 1));
  return rows.filter((row) => likeliest.has(row) || row.colour === null);
}

/** Makes the drawing an example, whatever the answer was. */
function Correction({ session, classes }: { session: TeachSession; classes: readonly TeachClass[] }) {
  return (
    <ClassChoice
      label="Keep it as an example of"
      classes={classes}
      action="Keep"
      choose={(id) => {
        session.keepDrawingAs(id);
        // The button goes away with the drawing.
        document.querySelector<HTMLElement>('.teach canvas.ink')?.focus();
      }}
    />
  );
}
