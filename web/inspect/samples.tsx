/** Samples as small pictures, and how they are asked for. */
import type { PictureJson, SampleEntry, SampleList, SamplePart, SamplesPending } from '#src/serve/api.js';
import { formatChance } from '../charts/classes.js';
import { Pixels, Strokes } from '../charts/pictures.js';
import { getApi } from '../requests.js';

export interface SampleQuery {
  run: string;
  part: SamplePart;
  true?: string | null;
  predicted?: string | null;
  /** `true`, `false`, or nothing for both. */
  correct?: string | null;
  offset?: number;
  limit?: number;
}

const ASK_AGAIN_MS = 700;

/**
 * Asks until the answers are known.
 * @param onPending is told how far the server has come
 */
export async function fetchSamples(
  { run, ...query }: SampleQuery,
  signal: AbortSignal,
  onPending: (pending: SamplesPending) => void = () => {},
): Promise<SampleList> {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  for (;;) {
    const { status, value } = await getApi<SampleList | SamplesPending>(
      `runs/${encodeURIComponent(run)}/samples?${text}`,
      signal,
    );
    if (status !== 202) return value as SampleList;
    onPending(value as SamplesPending);
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    signal.throwIfAborted();
  }
}

/** The bytes of a picture's first channel. */
export function pixelsOf({ pixels, width, height, channels }: PictureJson): Uint8Array {
  const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
  if (channels === 1) return bytes;
  return Uint8Array.from(
    { length: width * height },
    (_, i) => bytes[Math.floor(i / width) * channels * width + (i % width)],
  );
}

/** A sample as it is, small. */
export function SamplePicture({
  sample,
  label,
}: {
  sample: Pick<SampleEntry, 'picture' | 'strokes'>;
  label: string;
}) {
  if (sample.strokes) return <Strokes rows={sample.strokes} label={label} />;
  if (!sample.picture) return null;
  const { width, height } = sample.picture;
  return <Pixels pixels={pixelsOf(sample.picture)} width={width} height={height} label={label} />;
}

/** A tile: the picture, what it is, and what it was taken for. */
export function SampleTile({
  sample,
  classes,
  href,
  current = false,
}: {
  sample: SampleEntry;
  classes: readonly string[];
  href: string;
  current?: boolean;
}) {
  const { index, label, predicted, probability } = sample;
  const right = label === predicted;
  const said = right ? classes[label] : `${classes[label]} taken for ${classes[predicted]}`;
  return (
    <a class={`tile${right ? '' : ' wrong'}`} href={href} aria-current={current ? 'true' : undefined}>
      <SamplePicture sample={sample} label={`Sample ${index}: ${said}, ${formatChance(probability)}`} />
      <span aria-hidden="true">
        <b>{right ? classes[label] : `${classes[label]} → ${classes[predicted]}`}</b>{' '}
        {formatChance(probability)}
      </span>
    </a>
  );
}
