/** The view for several symbols: a wide pad, read live as a number or a word by one of the networks. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { isNone } from '#src/recognize/guess-name.js';
import { readingJson } from '#src/recognize/symbols/reading-json.js';
import type { ModelEntry } from '#src/serve/api.js';
import type { DrawSession } from '../draw/draw-session.js';
import { offerFile } from '../draw/save.js';
import { UndoButtons } from '../draw/undo-buttons.js';
import { useChanges, useTitle } from '../hooks.js';
import { SaveIcon } from '../icons.js';
import type { RecognitionClient } from '../recognition/client.js';
import { Failure, Waiting } from '../states.js';
import '../style/several.css';
import { lookOf } from './look.js';
import { ModelReader } from './model-reader.js';
import { DrawModes } from './modes.js';
import { Pad } from './pad.js';
import { PadSession } from './pad-session.js';
import { ReadingCard } from './reading-card.js';
import { listenForPadKeys } from './shortcuts.js';

let page: (() => JSX.Element) | null = null;

/** The view on the networks of the Draw view: always the same, for what is written lives as long as the page. */
export function severalPage(session: DrawSession, client: RecognitionClient): () => JSX.Element {
  page ??= newPage(session, client);
  return page;
}

function newPage(session: DrawSession, client: RecognitionClient): () => JSX.Element {
  const pad = new PadSession();
  /** By the entry: with newer weights a network may have other classes. */
  const readers = new Map<ModelEntry, ModelReader>();
  /** Reads with the first network of the Draw view. */
  const follow = () => {
    const [id] = session.chosen;
    if (session.phase.state !== 'ready' || id === undefined) return;
    const entry = session.entry(id);
    const reader = readers.get(entry) ?? new ModelReader(client, id, entry.classes);
    readers.set(entry, reader);
    pad.setReader(reader);
  };
  session.subscribe(follow);
  follow();
  return () => <SeveralPage session={session} pad={pad} />;
}

function SeveralPage({ session, pad }: { session: DrawSession; pad: PadSession }) {
  useChanges(session, 'frame');
  useTitle('Several symbols');
  useEffect(() => listenForPadKeys(pad), [pad]);
  const { phase, models } = session;
  const classes = pad.reader?.classes ?? [];
  const look = lookOf(classes);
  const isUsable = phase.state !== 'failed' && models.length > 0;
  return (
    <main class="several" tabIndex={-1}>
      <h1 class="hidden">Several symbols</h1>
      <DrawModes current="several" />
      <div class="pad-block">
        <Pad pad={pad} look={look} hint={hintOf(classes)} />
        <Toolbar pad={pad} />
      </div>
      {isUsable ? (
        <ReadingCard
          pad={pad}
          look={look}
          network={<NetworkChoice session={session} />}
          waiting={pad.reader ? null : 'Loading the network …'}
        />
      ) : (
        <section class="card notice">
          {phase.state === 'failed' ? (
            <Failure title="No network can be used." message={phase.reason} retry={phase.retry} />
          ) : phase.state === 'loading' ? (
            <Waiting what="Loading the list of networks" />
          ) : (
            <p>There is no network yet. Train one, then reload this page.</p>
          )}
        </section>
      )}
      {session.problem && (
        <p class="problem" role="alert">
          {session.problem}
        </p>
      )}
      <p class="footnote">
        Reading runs in this page; what you write stays on this device. Tap a symbol, or choose it in the
        list, to correct it; what you have corrected stays while you go on writing.
      </p>
    </main>
  );
}

function hintOf(classes: readonly string[]): string {
  const names = classes.filter((name) => !isNone(name));
  return names.every((name) => /^\d$/.test(name)) ? 'Write a number' : 'Write a word';
}

function NetworkChoice({ session }: { session: DrawSession }) {
  const { models, chosen } = session;
  if (models.length < 2) return <p class="muted">by {models[0]?.name}</p>;
  return (
    <label class="network-choice muted">
      by{' '}
      <select
        value={chosen[0]}
        onChange={(event) => void session.choose((event.target as HTMLSelectElement).value, 0)}
      >
        {models.map(({ id, name, shipped }) => (
          <option key={id} value={id}>
            {shipped ? `${name} (shipped)` : name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Toolbar({ pad }: { pad: PadSession }) {
  useChanges(pad, 'frame');
  const isEmpty = pad.ink.pointCount === 0;
  return (
    <div class="toolbar" role="toolbar" aria-label="Writing">
      <UndoButtons of={pad} isEmpty={isEmpty} clearKeys="Delete" />
      <span class="spring" />
      <button
        type="button"
        disabled={isEmpty || !pad.reading}
        onClick={() => save(pad)}
        title="Save the drawing and the reading as JSON"
        aria-label="Save"
      >
        <SaveIcon />
      </button>
    </div>
  );
}

/** `scanstroke predict --several` and the server read this file. */
function save({ ink, reading }: PadSession): void {
  const strokes = ink.strokes.map(({ xs, ys, times }) => ({ x: xs, y: ys, t: times.map(Math.round) }));
  offerFile('drawing.json', JSON.stringify({ strokes, reading: reading && readingJson(reading) }));
}
