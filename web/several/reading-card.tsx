/** What is read: the text, a button for each symbol, and the card that corrects the chosen one. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ReadSymbol } from '#src/recognize/symbols/read-symbols.js';
import { textLines } from '#src/recognize/symbols/reading-text.js';
import { plural } from '#src/report/text.js';
import { isolated } from '../charts/class-name.js';
import { CopyButton } from '../copy-button.js';
import { useChanges } from '../hooks.js';
import type { ClassLook } from './look.js';
import { chanceOf, GIVEN } from './pad.js';
import type { PadSession, Selectable } from './pad-session.js';
import { typedClass } from './shortcuts.js';
import { focusChip, SymbolEditor, type TeachSymbol } from './symbol-editor.js';

/** Screen readers announce the reading when the pen has rested for this long. */
const ANNOUNCE_AFTER_MS = 700;

const REASONS = {
  none: 'looks like none of the classes',
  dot: 'only a dot',
  corrected: 'not a symbol, by your correction',
};

interface ReadingCardProps {
  pad: PadSession;
  look: ClassLook;
  /** Beside the heading: which network reads. */
  network: ComponentChildren;
  /** Why nothing can be read yet; null if it can. */
  waiting: string | null;
  teach?: TeachSymbol;
}

export function ReadingCard({ pad, look, network, waiting, teach }: ReadingCardProps) {
  useChanges(pad, 'frame');
  const { reading, ink, problem, selection } = pad;
  const lines = reading ? textLines(reading.symbols, reading.classes, look.nameOf) : [];
  const text = lines.join('\n');
  return (
    <section
      class="card reading"
      aria-label="Reading"
      aria-busy={!pad.isCurrent}
      data-text={text}
      data-points={reading?.points ?? 0}
    >
      <header>
        <h2>It reads</h2>
        {network}
      </header>
      <div class="read-text">
        {lines.length > 0 ? (
          <p class={sizeOf(lines)}>
            <bdi>{text}</bdi>
          </p>
        ) : (
          <p class="muted">{waiting ?? emptyText(pad)}</p>
        )}
        {lines.length > 0 && <CopyButton text={text} />}
      </div>
      {problem && ink.pointCount > 0 && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {reading && ink.pointCount > 0 && <Chips pad={pad} look={look} />}
      {reading && selection && (
        <SymbolEditor key={keyOf(selection)} pad={pad} look={look} selection={selection} teach={teach} />
      )}
      <Announcement pad={pad} look={look} />
    </section>
  );
}

/** The card begins anew with another symbol, but not with another class. */
function keyOf({ parts }: Selectable): string {
  return parts.map(({ index, from }) => `${index} ${from}`).join();
}

function emptyText(pad: PadSession): string {
  if (pad.ink.pointCount === 0) return 'Nothing written yet';
  return pad.reading || pad.problem ? 'No symbol yet' : 'Reading …';
}

function sizeOf(lines: readonly string[]): string {
  const longest = Math.max(...lines.map((line) => [...line].length));
  return longest <= 12 ? 'large' : longest <= 26 ? 'medium' : 'small';
}

/** A list for each line of the writing, and one of what is left out. */
function Chips({ pad, look }: { pad: PadSession; look: ClassLook }) {
  const { reading, selection } = pad;
  if (!reading) return null;
  const lines = [...new Set(reading.symbols.map(({ line }) => line))];
  return (
    <>
      {lines.map((line, row) => (
        <ol
          key={row}
          class="chips-row"
          aria-label={lines.length > 1 ? `Symbols of line ${row + 1}` : 'Symbols'}
        >
          {reading.symbols.map(
            (symbol, n) =>
              symbol.line === line && (
                <li key={n}>
                  <Chip pad={pad} look={look} of={symbol} place={n} isSelected={symbol === selection}>
                    <span
                      class={`chip-face${symbol.unsure ? ' unsure' : ''}`}
                      style={look.styleOf(symbol.answer)}
                    >
                      <b>
                        <bdi>{look.nameOf(symbol.answer)}</bdi>
                      </b>
                      <Odds symbol={symbol} />
                    </span>
                  </Chip>
                </li>
              ),
          )}
        </ol>
      ))}
      {reading.leftOut.length > 0 && (
        <ol class="chips-row" aria-label="Ink that is left out">
          {reading.leftOut.map((left, n) => (
            <li key={n}>
              <Chip
                pad={pad}
                look={look}
                of={left}
                place={reading.symbols.length + n}
                isSelected={left === selection}
              >
                <span class="chip-face left-out">
                  <b>–</b>
                  <small class="odds">
                    left out<span class="hidden">: {REASONS[left.reason]}</span>
                  </small>
                </span>
              </Chip>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

interface ChipProps {
  pad: PadSession;
  look: ClassLook;
  of: Selectable;
  /** Among all chips. */
  place: number;
  isSelected: boolean;
  children: ComponentChildren;
}

function Chip({ pad, look, of, place, isSelected, children }: ChipProps) {
  const button = useRef<HTMLButtonElement>(null);
  const latestPlace = useRef(place);
  latestPlace.current = place;
  useLayoutEffect(() => {
    const own = button.current;
    // The focus goes from a symbol that is erased to the one that takes its place, or the one before.
    return () => {
      if (own === document.activeElement) setTimeout(() => focusChip(latestPlace.current));
    };
  }, []);
  return (
    <button
      ref={button}
      type="button"
      class={`chip${isSelected ? ' selected' : ''}`}
      aria-expanded={isSelected}
      onClick={({ detail }) => pad.select(isSelected ? null : of, detail === 0 ? 'keys' : 'pad')}
      onKeyDown={(event) => {
        const answer = typedClass(event, pad.reading?.classes ?? [], look);
        if (answer !== null) pad.correct(of, answer);
        else if (event.key === 'Delete') pad.erase(of);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {children}
    </button>
  );
}

/** The probability; for screen readers also what the tick and the colour say. */
function Odds({ symbol }: { symbol: ReadSymbol }) {
  const chance = chanceOf(symbol);
  const isGiven = chance === GIVEN;
  return (
    <small class="odds">
      <span aria-hidden={isGiven}>{chance}</span>
      {isGiven && <span class="hidden">by your correction</span>}
      {symbol.unsure && <span class="hidden">not sure</span>}
    </small>
  );
}

/** Says the reading when the pen rests. */
function Announcement({ pad, look }: { pad: PadSession; look: ClassLook }) {
  const [text, setText] = useState('');
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const unsubscribe = pad.subscribe(() => {
      clearTimeout(timer);
      timer = setTimeout(() => setText(announcementOf(pad, latest.current)), ANNOUNCE_AFTER_MS);
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [pad]);
  return (
    <p class="hidden" aria-live="polite" id="announcement">
      {text}
    </p>
  );
}

function announcementOf({ reading, ink }: PadSession, look: ClassLook): string {
  if (ink.pointCount === 0) return 'The pad is empty.';
  if (!reading) return '';
  const { symbols, leftOut } = reading;
  if (symbols.length === 0) return 'No symbol yet.';
  const doubtful = symbols.filter(({ unsure }) => unsure).length;
  // Letter by letter: a number is not read as an amount.
  const names = symbols.map(({ answer }) => isolated(look.nameOf(answer))).join(' ');
  return [
    `${plural(symbols.length, 'symbol')}: ${names}.`,
    doubtful > 0 && `${doubtful} not sure.`,
    leftOut.length > 0 && `${leftOut.length} left out.`,
  ]
    .filter(Boolean)
    .join(' ');
}
