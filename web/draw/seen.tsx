/** What the networks are shown of the drawing: the small picture, and its thinned strokes in the order of the tour. */
import { Pixels, Strokes } from '../charts/pictures.js';
import type { Shown } from '../workers/protocol.js';

const SIDE = 28;

export function Seen({ shown, kinds }: { shown: Shown | null; kinds: ReadonlySet<string> }) {
  const both = kinds.has('images') && kinds.has('strokes');
  return (
    <section class="card seen" aria-label="What the network sees">
      <header>
        <h2>What the network sees</h2>
        <p class="muted">
          {both
            ? 'One reads the picture, the other its strokes.'
            : SAID[kinds.has('strokes') ? 'strokes' : 'images']}
        </p>
      </header>
      <div class="views">
        <figure>
          <Pixels
            pixels={shown?.picture ?? null}
            width={SIDE}
            height={SIDE}
            label="The drawing as a picture of 28 by 28 pixels"
          />
          <figcaption>28 × 28 pixels</figcaption>
        </figure>
        {kinds.has('strokes') && (
          <figure>
            <Strokes
              rows={shown?.rows ?? null}
              within={SIDE}
              label="The drawing as thin strokes; their colour runs from the first point to the last"
            />
            <figcaption>
              {shown?.rows ? `${shown.rows.length / 4} steps, ` : ''}
              <span class="from">first</span> to <span class="to">last</span>
            </figcaption>
          </figure>
        )}
      </div>
    </section>
  );
}

const SAID = {
  images: 'Scaled and centred as the digits it has learnt from.',
  strokes: 'Scaled, thinned, and toured by a pen: whichever way it was drawn.',
};
