/** Takes things out of the page: the project, the drawings, the network in several formats, and code that runs it. */
import { useState } from 'preact/hooks';
import { CopyButton } from '../copy-button.js';
import { messageOf, useChanges } from '../hooks.js';
import { SaveIcon } from '../icons.js';
import type { TakeAwayFormat } from '../workers/teach-protocol.js';
import { download, drawingsFile, fileNameOf, projectFile } from './project/teach-files.js';
import type { TeachSession } from './project/teach-session.js';

const FORMATS: [TakeAwayFormat, title: string, about: string][] = [
  ['html', 'A page of its own', 'one .html file: draw in it, also without a network'],
  ['onnx', 'ONNX', 'for ONNX Runtime, in any language and in web pages'],
  ['pytorch', 'PyTorch', '.pt and a Python file that builds the module'],
  ['c', 'C', 'one C99 file without dependencies'],
];

export function TakeAway({ session }: { session: TeachSession }) {
  useChanges(session, 'idle');
  const [busy, setBusy] = useState<string | null>(null);
  const { desk } = session;
  const { lesson, network } = desk;
  const name = fileNameOf(lesson.name);
  const offer = async (what: string, make: () => Promise<unknown>) => {
    setBusy(what);
    try {
      await make();
    } catch (error) {
      session.say(messageOf(error), true);
    }
    setBusy(null);
  };
  const disabled = network === null || busy !== null;
  return (
    <section class="card take-away" aria-label="Take it away">
      <h2>Take it away</h2>
      <h3>The drawings</h3>
      <ul class="offers">
        <Offer
          title="Project"
          about="all in one file, to open here again"
          disabled={lesson.classes.length === 0}
          onClick={() => offer('project', async () => download(projectFile(desk.project)))}
        />
        <Offer
          title="Drawings"
          about=".ndjson, as Quick, Draw! has them"
          disabled={lesson.drawings.length === 0}
          onClick={() => offer('drawings', async () => download(drawingsFile(desk.project)))}
        />
      </ul>
      <h3>The network</h3>
      {network === null && <p class="muted">There is none yet: it comes with the first training.</p>}
      {network && !network.isCurrent && (
        <p class="muted">It was taught before your last changes. A newer one comes with the training.</p>
      )}
      <ul class="offers">
        <Offer
          title="scanstroke"
          about=".safetensors, for predict, serve and the library"
          disabled={disabled}
          onClick={() =>
            offer('safetensors', async () =>
              download({ name: `${name}.safetensors`, content: network?.checkpoint as Uint8Array }),
            )
          }
        />
        {FORMATS.map(([format, title, about]) => (
          <Offer
            key={format}
            title={title}
            about={about}
            disabled={disabled}
            busy={busy === format}
            onClick={() =>
              offer(format, async () => {
                for (const file of await session.exportNetwork(name, format)) download(file);
              })
            }
          />
        ))}
      </ul>
      {network && <Snippet name={name} />}
    </section>
  );
}

interface OfferProps {
  title: string;
  about: string;
  disabled: boolean;
  busy?: boolean;
  onClick: () => void;
}

function Offer({ title, about, disabled, busy = false, onClick }: OfferProps) {
  return (
    <li>
      <button type="button" disabled={disabled} aria-busy={busy} onClick={onClick}>
        <SaveIcon />
        <span>
          <b>{title}</b>
          <small>{about}</small>
        </span>
      </button>
    </li>
  );
}

/** Code that runs the network. */
function Snippet({ name }: { name: string }) {
  const code = `import { readFile } from 'node:fs/promises';
import { openBackend, openRecognizer } from 'scanstroke';

const backend = await openBackend();
const bytes = await readFile('${name}.safetensors');
const recognizer = openRecognizer(bytes, backend, { name: '${name}' });
const strokes = [{ xs: [10, 60, 60], ys: [20, 20, 90] }]; // a stroke: x to the right, y downwards
const [answer] = await recognizer.recognize([{ kind: 'drawing', strokes }]);
console.log(answer?.top[0]); // { index, class, probability }
`;
  return (
    <details class="snippet">
      <summary>Use it in a program</summary>
      <p class="muted">
        On the command line, also with the project's file:{' '}
        <code>
          npx scanstroke predict {name}.safetensors {name}.json
        </code>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, also with the keyboard */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
      <CopyButton text={code} />
    </details>
  );
}
