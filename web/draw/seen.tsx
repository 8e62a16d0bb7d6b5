/** The networks' input: the drawing as a small picture, and the strokes of its thinned picture in reading order. */
import { plural } from '#src/report/text.js';
import { Pixels, Strokes } from '../charts/pictures.js';
import type { Shown } from '../workers/protocol.js';

/** Width and height of MNIST's pictures. */
const SIDE = 28;

export function Seen({ shown, kinds }: { shown: Shown | null; kinds: ReadonlySet<string> }) {
  const both = kinds.has('images') && kinds.has('strokes');
  // A network of points reads no picture.
  const hasPicture = !shown?.moves || shown.picture !== null;
  return (
    <section class="card seen" aria-label="The networks' input">
      <header>
        <h2>{both ? 'What the networks see' : 'What the network sees'}</h2>
        <p class="muted">
          {both
            ? 'One network reads the pixels, the other the strokes.'
            : DESCRIPTIONS[kinds.has('strokes') ? 'strokes' : 'images']}
        </p>
      </header>
      <div class="views">
        {hasPicture && (
          <figure>
            <Pixels
              pixels={shown?.picture ?? null}
              width={shown?.width ?? SIDE}
              height={shown?.height ?? SIDE}
              label={`The drawing as a picture${shown ? ` of ${shown.width} by ${shown.height} pixels` : ''}`}
            />
            <figcaption>{shown ? `${shown.width} × ${shown.height} pixels` : 'pixels'}</figcaption>
          </figure>
        )}
        {kinds.has('strokes') && (
          <figure>
            <Strokes
              moves={shown?.moves ?? null}
              within={SIDE}
              label="The drawing as thin strokes; the colour runs from the first point to the last"
            />
            <figcaption>
              {shown?.moves ? `${plural(shown.moves.length / 4, 'step')}, ` : ''}
              <span class="from">first</span> to <span class="to">last</span>
            </figcaption>
          </figure>
        )}
      </div>
    </section>
  );
}

const DESCRIPTIONS = {
  images: 'Scaled and centred like the digits in the training data.',
  strokes: 'Scaled, and read as strokes, from the first point to the last.',
};
