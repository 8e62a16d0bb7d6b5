/** What one network says: the answer, how sure it is, the next two, and a bar for every class. */
import { classHue, formatChance, verdictOf } from '../charts/classes.js';
import type { ModelEntry } from '../workers/protocol.js';

/** More classes than this are too many for a column each: only the likeliest get one. */
const MOST_COLUMNS = 16;
const KINDS = { rows: 'reads rows of pixels', strokes: 'reads pen strokes' };

export interface AnswerCardProps {
  model: ModelEntry;
  models: readonly ModelEntry[];
  onChoose: (id: string) => void;
  /** [K]; null if there is nothing to recognise, undefined if there is no answer yet. */
  probabilities: Float32Array | null | undefined;
  sureFrom: number;
  /** Why there is no answer. */
  empty: string;
}

export function AnswerCard({ model, models, onChoose, probabilities, sureFrom, empty }: AnswerCardProps) {
  const verdict = probabilities ? verdictOf(probabilities, sureFrom) : null;
  return (
    <section class={`card answer${verdict?.unsure ? ' unsure' : ''}`} aria-label={`Answer of ${model.name}`}>
      <header>
        <ModelName model={model} models={models} onChoose={onChoose} />
        <p class="muted">{KINDS[model.kind]}</p>
      </header>
      {probabilities && verdict ? (
        <Verdicts model={model} probabilities={probabilities} {...verdict} />
      ) : (
        <p class="verdict empty">{empty}</p>
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
        {models.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
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
  return (
    <div class="verdict">
      <strong class="glyph">{model.classes[best]}</strong>
      <div>
        <p class="chance">
          {formatChance(probabilities[best])}
          {unsure && <span class="doubt">not sure</span>}
        </p>
        <p class="others">
          {others.map((index) => (
            <span key={index}>
              <b>{model.classes[index]}</b> {formatChance(probabilities[index])}
            </span>
          ))}
        </p>
      </div>
    </div>
  );
}

interface BarsProps {
  classes: readonly string[];
  probabilities: Float32Array | null;
  best: number | null;
}

/** A column for every class, always in the same place. For screen readers the verdict says it all. */
function Bars({ classes, probabilities, best }: BarsProps) {
  const shown = columnsOf(classes.length, probabilities);
  return (
    <ol class="bars" aria-hidden="true">
      {shown.map((k) => (
        <li key={k} class={k === best ? 'best' : ''} data-class={classes[k]}>
          <span class="track">
            <span
              class="bar"
              data-probability={probabilities?.[k]}
              style={{ '--share': probabilities?.[k] ?? 0, '--hue': classHue(k, classes.length) }}
            />
          </span>
          <span class="name">{classes[k]}</span>
        </li>
      ))}
    </ol>
  );
}

function columnsOf(count: number, probabilities: Float32Array | null): number[] {
  const all = Array.from({ length: count }, (_, k) => k);
  if (count <= MOST_COLUMNS) return all;
  if (!probabilities) return all.slice(0, MOST_COLUMNS);
  return all
    .sort((a, b) => probabilities[b] - probabilities[a])
    .slice(0, MOST_COLUMNS)
    .sort((a, b) => a - b);
}
