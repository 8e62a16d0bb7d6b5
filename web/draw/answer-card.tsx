/** One network's answer: the likeliest class with its probability, the next two classes, and a bar per class. */
import { guessName, isNone } from '#src/recognize/guess-name.js';
import type { ModelEntry } from '#src/serve/api.js';
import { Bars } from '../charts/bars.js';
import { ClassName, shownNames } from '../charts/class-name.js';
import { formatChance, sizeOf, verdictOf } from '../charts/classes.js';

const BACKENDS = { wasm: 'WebAssembly', webgpu: 'WebGPU' };
const KINDS = { images: 'reads pixels', strokes: 'reads pen strokes' };

export interface AnswerCardProps {
  model: ModelEntry;
  models: readonly ModelEntry[];
  onChoose: (id: string) => void;
  /** [K]; null: nothing to recognise; undefined: no answer yet. */
  probabilities: Float32Array | null | undefined;
  /** What computed them. */
  backend: keyof typeof BACKENDS | undefined;
  /** Below this probability the card says "not sure". */
  sureFrom: number;
  /** Text to show without an answer. */
  empty: string;
  /** Why this network cannot answer. */
  problem: string | null;
}

export function AnswerCard(props: AnswerCardProps) {
  const { model, models, onChoose, probabilities, backend, sureFrom, empty, problem } = props;
  const verdict = probabilities ? verdictOf(probabilities, sureFrom) : null;
  return (
    <section class={`card answer${verdict?.unsure ? ' unsure' : ''}`} aria-label={`Answer of ${model.name}`}>
      <header>
        <ModelName model={model} models={models} onChoose={onChoose} />
        <p class="muted">
          {KINDS[model.kind]}
          {backend && (
            <span class="backend">
              <span class="separator"> · </span>
              {BACKENDS[backend]}
            </span>
          )}
        </p>
      </header>
      {probabilities && verdict ? (
        <Verdicts model={model} probabilities={probabilities} {...verdict} />
      ) : (
        <p class={problem === null ? 'verdict empty' : 'problem'}>{problem ?? empty}</p>
      )}
      <Bars classes={model.classes} probabilities={probabilities ?? null} best={verdict?.top[0] ?? null} />
    </section>
  );
}

function ModelName({ model, models, onChoose }: Pick<AnswerCardProps, 'model' | 'models' | 'onChoose'>) {
  if (models.length < 2) return <h2>{model.name}</h2>;
  return (
    <h2>
      <select
        aria-label="Model"
        value={model.id}
        onChange={(event) => onChoose((event.target as HTMLSelectElement).value)}
      >
        {models.map(({ id, name, shipped }) => (
          <option key={id} value={id}>
            {shipped ? `${name} (shipped)` : name}
          </option>
        ))}
      </select>
    </h2>
  );
}

interface VerdictsProps {
  model: ModelEntry;
  probabilities: Float32Array;
  top: number[];
  unsure: boolean;
}

function Verdicts({ model, probabilities, top, unsure }: VerdictsProps) {
  const [best, ...others] = top;
  const names = shownNames(model.classes).map(guessName);
  return (
    <div class="verdict">
      <strong class={`glyph ${sizeOf(names[best])}${isNone(model.classes[best]) ? ' none' : ''}`}>
        <bdi title={names[best]}>{names[best]}</bdi>
      </strong>
      <div>
        <p class="chance">
          {formatChance(probabilities[best])} {unsure && <span class="doubt">not sure</span>}
        </p>
        <p class="others">
          {others.map((index) => (
            <span key={index}>
              <b>
                <ClassName name={names[index]} />
              </b>{' '}
              {formatChance(probabilities[index])}
            </span>
          ))}
        </p>
      </div>
    </div>
  );
}
