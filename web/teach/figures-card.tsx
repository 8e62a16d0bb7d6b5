/** How good it is, in figures that all name their base; and which symbols are mixed up, with the drawings that do it. */
import { formatShare } from '#src/report/text.js';
import { useChanges } from '../hooks.js';
import { DrawingThumb } from './drawing-thumb.js';
import type { TeachSession } from './project/teach-session.js';

/** Pairs of symbols that are shown. */
const MAX_PAIRS = 5;

/** Two symbols that are mixed up. */
interface Pair {
  drawn: string;
  answered: string;
  drawings: string[];
}

export function FiguresCard({ session }: { session: TeachSession }) {
  useChanges(session, 'idle');
  const { leftOut } = session.answers;
  const { network } = session.desk;
  const summary = network?.summary ?? null;
  if (!summary && !(leftOut && leftOut.count > 0)) return null;
  const names = new Map(session.desk.lesson.classes.map(({ id, name }) => [id, name]));
  const pairs: Pair[] = summary
    ? // Names in the network's report are those that the classes had then.
      summary.confusions.map((pair) => ({
        drawn: names.get(network?.ids.get(pair.drawn) ?? '') ?? pair.drawn,
        answered:
          pair.answered === 'none'
            ? 'none of these'
            : (names.get(network?.ids.get(pair.answered) ?? '') ?? pair.answered),
        drawings: pair.drawings,
      }))
    : (leftOut?.confusions ?? []).map(({ drawn, answered, examples }) => ({
        drawn: names.get(drawn) ?? drawn,
        answered: names.get(answered) ?? answered,
        drawings: examples,
      }));
  return (
    <section class="card figures" aria-label="How good is it?">
      <h2>How good is it?</h2>
      <dl>
        {summary && (
          <Figure
            title="The network"
            {...summary.heldOut}
            about="drawings that were held out of its training are answered right"
          />
        )}
        {leftOut && leftOut.count > 0 && (
          <Figure
            title="Comparison with examples"
            {...leftOut}
            about="drawings are answered right when each is left out in turn"
          />
        )}
        {summary?.none && (
          <>
            <Figure
              title="False alarms of none"
              correct={summary.none.falseAlarms}
              count={summary.none.symbols}
              about="held-out drawings of your symbols are called none of these"
            />
            <Figure
              title="Others refused"
              correct={summary.none.refused}
              count={summary.none.others}
              about="made scribbles, pieces and letters are called none of these"
            />
          </>
        )}
      </dl>
      {summary && !network?.isCurrent && (
        <p class="muted">
          The network's figures are those of the drawings that it was taught with, before your last changes.
        </p>
      )}
      {pairs.length > 0 && (
        <>
          <h3>Mixed up</h3>
          <ul class="pairs">
            {pairs.slice(0, MAX_PAIRS).map((pair) => (
              <PairRow key={`${pair.drawn} ${pair.answered}`} session={session} pair={pair} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

interface FigureProps {
  title: string;
  correct: number;
  count: number;
  about: string;
}

function Figure({ title, correct, count, about }: FigureProps) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <b>
          {correct} of {count}
        </b>
        {count > 0 && <span> ({formatShare(correct / count, 0)})</span>} <span class="muted">{about}</span>
      </dd>
    </div>
  );
}

/** The drawings of a pair; a click selects one on the wall, where it can be deleted or moved. */
function PairRow({ session, pair }: { session: TeachSession; pair: Pair }) {
  const shown = session.desk.lesson.drawings.filter(({ id }) => pair.drawings.includes(id));
  return (
    <li>
      <p>
        <b>{pair.drawn}</b> taken for <b>{pair.answered}</b>
        <span class="muted"> {pair.drawings.length === 1 ? 'once' : `${pair.drawings.length} times`}</span>
      </p>
      {shown.length > 0 && (
        <div class="wall">
          {shown.slice(0, 8).map(({ id, drawing }) => (
            <button
              key={id}
              type="button"
              aria-label={`Show this drawing of ${pair.drawn}`}
              onClick={() => showDrawing(session, id)}
            >
              <DrawingThumb drawing={drawing} />
            </button>
          ))}
        </div>
      )}
    </li>
  );
}

function showDrawing(session: TeachSession, id: string): void {
  session.select(new Set([id]));
  const element = document.querySelector<HTMLElement>(`[data-drawing="${CSS.escape(id)}"]`);
  element?.focus();
  element?.scrollIntoView({ block: 'nearest' });
}
