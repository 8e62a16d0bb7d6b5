/** The pad: a wide canvas, and over it a frame around each symbol with its class and probability. */

import { SURE_FROM } from '#src/recognize/recognizer.js';
import type { Box, ReadSymbol } from '#src/recognize/symbols/read-symbols.js';
import { plural } from '#src/report/text.js';
import { formatChance } from '../charts/classes.js';
import { InkCanvas } from '../draw/ink-canvas.js';
import { useChanges } from '../hooks.js';
import type { ClassLook } from './look.js';
import type { PadSession } from './pad-session.js';

interface PadProps {
  pad: PadSession;
  look: ClassLook;
  /** Text on the empty pad. */
  hint: string;
}

export function Pad({ pad, look, hint }: PadProps) {
  useChanges(pad, 'frame');
  const { ink, reading, selection } = pad;
  const isEmpty = ink.pointCount === 0;
  return (
    <div class="sheet pad">
      <InkCanvas
        session={pad}
        label={`Writing pad, ${isEmpty ? 'empty' : plural(ink.strokes.length, 'stroke')}. With the keyboard: arrow keys move the pen, space puts it down or lifts it. The list of symbols after the pad corrects them.`}
      />
      {isEmpty && (
        <p class="hint" aria-hidden="true">
          <span>
            {hint}
            <small>Tap a symbol to correct it.</small>
          </span>
        </p>
      )}
      {!isEmpty && reading && (
        <div class="frames" aria-hidden="true">
          {reading.symbols.map((symbol, n) => (
            <div
              key={n}
              class={`frame${symbol.unsure ? ' unsure' : ''}${symbol === selection ? ' selected' : ''}${isHigh(symbol.box, pad) ? ' high' : ''}`}
              style={{ ...placeOf(symbol.box, pad), ...look.styleOf(symbol.answer) }}
            >
              <Tag symbol={symbol} look={look} />
            </div>
          ))}
          {reading.leftOut
            .filter(({ reason }) => reason !== 'dot')
            .map((left, n) => (
              <div
                key={`left ${n}`}
                class={`frame left-out${left === selection ? ' selected' : ''}`}
                style={placeOf(left.box, pad)}
              />
            ))}
        </div>
      )}
    </div>
  );
}

function Tag({ symbol, look }: { symbol: ReadSymbol; look: ClassLook }) {
  return (
    <span class="tag">
      <b>{look.nameOf(symbol.answer)}</b>
      <small class="odds">{chanceOf(symbol)}</small>
    </span>
  );
}

/** Of the pad's height, as much as a tag needs on a small screen. */
const TAG_SHARE = 0.2;

/** In place of a probability. */
export const GIVEN = '✓';

/** The probability in few letters, or a tick where a person has said the class and the network is not sure of it. */
export function chanceOf({ probability, unsure }: ReadSymbol): string {
  if (probability < SURE_FROM && !unsure) return GIVEN;
  return probability >= 0.99 ? '>99\u00a0%' : formatChance(probability);
}

/** Whether there is no room for the tag above the symbol, but below. */
function isHigh({ top, bottom }: Box, { ink }: PadSession): boolean {
  return top < TAG_SHARE * ink.height && bottom < (1 - TAG_SHARE) * ink.height;
}

function placeOf({ left, top, right, bottom }: Box, { ink }: PadSession): Record<string, number> {
  return {
    '--left': left / ink.width,
    '--top': top / ink.height,
    '--right': 1 - right / ink.width,
    '--bottom': 1 - bottom / ink.height,
  };
}
