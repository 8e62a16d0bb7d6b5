/** Requests samples from the server, and shows them as small pictures. */
import type {
  PictureJson,
  SampleDetails,
  SampleEntry,
  SampleList,
  SamplePart,
  SamplesPending,
} from '#src/serve/api.js';
import { ClassName, isolated, shownNames } from '../charts/class-name.js';
import { formatChance } from '../charts/classes.js';
import { Pixels, Strokes } from '../charts/pictures.js';
import { getApi } from '../requests.js';
import { Waiting } from '../states.js';

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
/** Without any progress for this long a request fails. Making the strokes of a large data set takes minutes. */
const STALL_MS = 10 * 60_000;

/**
 * Samples with the network's answers. Polls while the server computes the answers.
 * @param onPending receives the server's progress
 * @throws ApiError with the server's message; Error without progress; the signal's reason after an abort
 */
export function fetchSamples(
  { run, ...query }: SampleQuery,
  signal: AbortSignal,
  onPending: (pending: SamplesPending) => void,
): Promise<SampleList> {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return poll(`runs/${encodeURIComponent(run)}/samples?${text}`, signal, onPending);
}

/** One sample with the inside of the network; otherwise like `fetchSamples`. */
export function fetchSample(
  run: string,
  part: SamplePart,
  index: number,
  signal: AbortSignal,
  onPending: (pending: SamplesPending) => void,
): Promise<SampleDetails> {
  return poll(`runs/${encodeURIComponent(run)}/samples/${index}?part=${part}`, signal, onPending);
}

async function poll<T>(
  path: string,
  signal: AbortSignal,
  onPending: (pending: SamplesPending) => void,
): Promise<T> {
  let done = -1;
  let since = performance.now();
  for (;;) {
    const { status, value } = await getApi<T | SamplesPending>(path, signal);
    if (status !== 202) return value as T;
    const pending = value as SamplesPending;
    if (pending.done !== done) since = performance.now();
    else if (performance.now() - since > STALL_MS)
      throw new Error(`The server has made no progress for ${STALL_MS / 60_000} minutes.`);
    done = pending.done;
    onPending(pending);
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
    signal.throwIfAborted();
  }
}

/** Until the samples are there: what the server is doing. */
export function WaitingForSamples({ pending }: { pending: SamplesPending | null }) {
  // Before the first answer, the server opens the data, or is busy with the samples of another run.
  if (pending === null || pending.total === 0)
    return (
      <Waiting
        what="Opening the data"
        patience="The first time this can take a minute: strokes are made from every picture, or the server is busy with another run."
      />
    );
  const { done, total } = pending;
  const text = `Running the network: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} samples`;
  return <Waiting what={text} progress={pending} />;
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
  const names = shownNames(classes);
  const answer = isCorrect
    ? isolated(names[label])
    : `${isolated(names[label])} recognised as ${isolated(names[predicted])}`;
  return (
    <a class={`tile${isCorrect ? '' : ' wrong'}`} href={href} aria-current={current ? 'true' : undefined}>
      <SamplePicture sample={sample} label={`Sample ${index}: ${answer}, ${formatChance(probability)}`} />
      <span aria-hidden="true">
        <b>
          <ClassName name={names[label]} />
          {!isCorrect && ' → '}
          {!isCorrect && <ClassName name={names[predicted]} />}
        </b>{' '}
        {formatChance(probability)}
      </span>
    </a>
  );
}
