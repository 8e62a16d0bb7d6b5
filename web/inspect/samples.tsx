/** Requests samples from the server, and shows them as small pictures. */
import type { PictureJson, SampleEntry, SampleList, SamplePart, SamplesPending } from '#src/serve/api.js';
import { formatChance } from '../charts/classes.js';
import { Pixels, Strokes } from '../charts/pictures.js';
import { getApi } from '../requests.js';

export interface SampleQuery {
  run: string;
  part: SamplePart;
  true?: string | null;
  predicted?: string | null;
  /** `true`: correct answers; `false`: wrong ones; default both. */
  correct?: string | null;
  offset?: number;
  limit?: number;
}

const POLL_EVERY_MS = 700;

/**
 * Samples with the network's answers. Polls while the server computes the answers.
 * @param onPending receives the server's progress
 * @throws ApiError with the server's message; the signal's reason after an abort
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
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
    signal.throwIfAborted();
  }
}

/** [height, width] the first channel of a picture. */
export function pixelsOf({ pixels, width, height, channels }: PictureJson): Uint8Array {
  const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
  if (channels === 1) return bytes;
  return Uint8Array.from(
    { length: width * height },
    (_, i) => bytes[Math.floor(i / width) * channels * width + (i % width)],
  );
}

/** A sample as a small picture: pixels or strokes. */
export function SamplePicture({
  sample,
  label,
}: {
  sample: Pick<SampleEntry, 'picture' | 'strokes'>;
  label: string;
}) {
  if (sample.strokes) return <Strokes moves={sample.strokes} label={label} />;
  if (!sample.picture) return null;
  const { width, height } = sample.picture;
  return <Pixels pixels={pixelsOf(sample.picture)} width={width} height={height} label={label} />;
}

/** A link to a sample: its picture, true class, predicted class and probability. */
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
  const isCorrect = label === predicted;
  const answer = isCorrect ? classes[label] : `${classes[label]} recognised as ${classes[predicted]}`;
  return (
    <a class={`tile${isCorrect ? '' : ' wrong'}`} href={href} aria-current={current ? 'true' : undefined}>
      <SamplePicture sample={sample} label={`Sample ${index}: ${answer}, ${formatChance(probability)}`} />
      <span aria-hidden="true">
        <b>{isCorrect ? classes[label] : `${classes[label]} → ${classes[predicted]}`}</b>{' '}
        {formatChance(probability)}
      </span>
    </a>
  );
}
