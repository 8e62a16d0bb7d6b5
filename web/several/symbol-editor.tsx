/** Corrects one symbol: another class, split, joined with a neighbour, no symbol, erased. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isNone } from '#src/recognize/guess-name.js';
import type { ReadSymbol } from '#src/recognize/symbols/read-symbols.js';
import { formatChance } from '../charts/classes.js';
import type { ClassLook } from './look.js';
import type { PadSession, Selectable } from './pad-session.js';

/** Classes that are shown at first. */
const FIRST_CLASSES = 10;

/** Adds the ink of a symbol to the examples of a class. */
export type TeachSymbol = (symbol: ReadSymbol) => void;

interface EditorProps {
  pad: PadSession;
  look: ClassLook;
  selection: Selectable;
  teach?: TeachSymbol;
}

export function SymbolEditor({ pad, look, selection, teach }: EditorProps) {
  const element = useRef<HTMLElement>(null);
  const { symbols, leftOut } = pad.reading!;
  const isSymbol = 'answer' in selection;
  const index = isSymbol ? symbols.indexOf(selection) : leftOut.indexOf(selection);
  const place = isSymbol ? index : symbols.length + index;
  const latestPlace = useRef(place);
  latestPlace.current = place;
  useLayoutEffect(() => {
    const card = element.current as HTMLElement;
    card.scrollIntoView({ block: 'nearest' });
    if (pad.selectedBy === 'keys') card.querySelector<HTMLElement>('.classes-row button')?.focus();
    // The focus goes from the card that closes to the symbol's button, once that is drawn anew.
    return () => {
      if (card.contains(document.activeElement)) setTimeout(() => focusChip(latestPlace.current));
    };
  }, []);
  /** Makes the change and closes the card. */
  const finish = (change: () => void) => {
    change();
    pad.select(null);
  };
  return (
    <section
      ref={element}
      class="editor"
      aria-label={isSymbol ? `Symbol ${index + 1} of ${symbols.length}` : 'Ink that is left out'}
    >
      <header>
        <h3>
          {isSymbol ? (
            <>
              Symbol {index + 1} of {symbols.length}: which is it?
            </>
          ) : (
            'This ink is left out. Is it a symbol?'
          )}
        </h3>
        <button
          type="button"
          class="quiet"
          aria-label="Close"
          title="Close (Escape)"
          onClick={() => pad.select(null)}
        >
          ✕
        </button>
      </header>
      <Classes
        pad={pad}
        look={look}
        symbol={isSymbol ? selection : null}
        choose={(answer) => finish(() => pad.correct(selection, answer))}
      />
      <div class="actions">
        {isSymbol ? (
          <SymbolActions
            pad={pad}
            symbol={selection}
            index={index}
            finish={finish}
            teach={teach}
            look={look}
          />
        ) : (
          <button type="button" onClick={() => finish(() => pad.correct(selection))}>
            Read it as a symbol
          </button>
        )}
        {isSymbol && (
          <button type="button" onClick={() => finish(() => pad.correct(selection, null))}>
            Not a symbol
          </button>
        )}
        <button type="button" class="danger" onClick={() => finish(() => pad.erase(selection))}>
          Erase
        </button>
      </div>
    </section>
  );
}

interface ClassesProps {
  pad: PadSession;
  look: ClassLook;
  /** Null: ink that is left out has no probabilities. */
  symbol: ReadSymbol | null;
  choose: (answer: string) => void;
}

/** The classes by probability; a symbol's own first. */
function Classes({ pad, look, symbol, choose }: ClassesProps) {
  const [showsAll, showAll] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    // The button that showed them is gone, and the focus with it.
    if (showsAll) list.current?.querySelectorAll('button')[FIRST_CLASSES]?.focus();
  }, [showsAll]);
  const { classes } = pad.reading!;
  const chanceOf = (k: number) => symbol?.probabilities[k] ?? 0;
  const ranked = [...classes.keys()]
    .filter((k) => !isNone(classes[k]))
    .sort(
      (a, b) =>
        Number(classes[b] === symbol?.answer) - Number(classes[a] === symbol?.answer) ||
        chanceOf(b) - chanceOf(a) ||
        a - b,
    );
  const shown = showsAll || ranked.length <= FIRST_CLASSES + 2 ? ranked : ranked.slice(0, FIRST_CLASSES);
  return (
    <ul class="classes-row" ref={list} aria-label="Classes">
      {shown.map((k) => (
        <li key={k}>
          <button
            type="button"
            class="choice"
            aria-pressed={classes[k] === symbol?.answer}
            style={look.styleOf(classes[k])}
            onClick={() => choose(classes[k])}
          >
            <b>
              <bdi>{look.nameOf(classes[k])}</bdi>
            </b>
            {symbol && <small class="odds">{formatChance(chanceOf(k))}</small>}
          </button>
        </li>
      ))}
      {shown.length < ranked.length && (
        <li>
          <button type="button" class="more-classes" onClick={() => showAll(true)}>
            {ranked.length - shown.length} more
          </button>
        </li>
      )}
    </ul>
  );
}

interface SymbolActionsProps {
  pad: PadSession;
  look: ClassLook;
  symbol: ReadSymbol;
  index: number;
  finish: (change: () => void) => void;
  teach?: TeachSymbol;
}

function SymbolActions({ pad, look, symbol, index, finish, teach }: SymbolActionsProps) {
  const { symbols } = pad.reading!;
  const isNext = symbols[index + 1]?.line === symbol.line;
  const isAfter = symbols[index - 1]?.line === symbol.line;
  return (
    <>
      {teach && (
        <button type="button" class="teach-this" onClick={() => finish(() => teach(symbol))}>
          Teach this as {look.nameOf(symbol.answer)}
        </button>
      )}
      <button type="button" onClick={() => pad.regroup({ split: index })}>
        Split in two
      </button>
      <button type="button" disabled={!isNext} onClick={() => pad.regroup({ merge: index })}>
        Join with next
      </button>
      <button type="button" disabled={!isAfter} onClick={() => pad.regroup({ merge: index - 1 })}>
        Join with previous
      </button>
      {symbol.corrected && (
        <button type="button" onClick={() => finish(() => pad.uncorrect(symbol))}>
          Let the network decide
        </button>
      )}
    </>
  );
}

/** The button of a symbol, else of the last, else the pad. */
export function focusChip(place: number): void {
  const chips = document.querySelectorAll<HTMLElement>('.chips-row .chip');
  const target =
    chips[Math.min(place, chips.length - 1)] ?? document.querySelector<HTMLElement>('canvas.ink');
  target?.focus();
}
