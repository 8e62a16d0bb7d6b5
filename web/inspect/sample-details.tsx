/** One sample in full: its true class, the network's answer, and the inside of the network. */
import { useState } from 'preact/hooks';
import type {
  RunDetails,
  SampleDetails as SampleDetailsJson,
  SamplePart,
  SamplesPending,
} from '#src/serve/api.js';
import { Bars } from '../charts/bars.js';
import { ClassName, isolated, shownNames } from '../charts/class-name.js';
import { formatChance } from '../charts/classes.js';
import { useLoaded } from '../hooks.js';
import { Failure } from '../states.js';
import { groupNames, Inside, type Reading } from './inside.js';
import { fetchSample, pixelsOf, SamplePicture, WaitingForSamples } from './samples.js';

interface SampleDetailsProps {
  run: RunDetails;
  part: SamplePart;
  index: number;
}

export function SampleDetails({ run, part, index }: SampleDetailsProps) {
  const [pending, setPending] = useState<SamplesPending | null>(null);
  const { value, error, reload } = useLoaded(
    (signal) => fetchSample(run.id, part, index, signal, setPending),
    [run.id, part, index],
  );
  if (!value)
    return (
      <section class="card" aria-label={`Sample ${index}`}>
        {error ? (
          <Failure title="The sample cannot be shown." message={error} retry={reload} />
        ) : (
          <WaitingForSamples pending={pending} />
        )}
      </section>
    );
  const { label, predicted, probability } = value;
  const classes = shownNames(value.classes);
  const isCorrect = label === predicted;
  const reading = readingOf(value, run);
  return (
    <section class="card sample" aria-label={`Sample ${value.index}`}>
      <header>
        <div>
          <h2>
            <ClassName name={classes[label]} />
            {isCorrect ? ', correct' : ', recognised as '}
            {!isCorrect && <ClassName name={classes[predicted]} />}
          </h2>
          <p class="muted">
            {part} sample {value.index}: {formatChance(probability)} for{' '}
            <ClassName name={classes[predicted]} />
            {!isCorrect && `, ${formatChance(value.label_probability)} for `}
            {!isCorrect && <ClassName name={classes[label]} />}
          </p>
          <Bars
            classes={value.classes}
            probabilities={Float32Array.from(value.probabilities)}
            best={predicted}
          />
        </div>
      </header>
      {reading ? (
        <Inside key={`${run.id} ${part} ${value.index}`} reading={reading} />
      ) : (
        <SamplePicture sample={value} label={`Sample ${value.index}, ${isolated(classes[label])}`} />
      )}
    </section>
  );
}

function readingOf(sample: SampleDetailsJson, run: RunDetails): Reading | null {
  const { inspection, trace, classes, probabilities } = sample;
  if (!inspection) return null;
  const { picture, strokes, steps, units } = inspection;
  const layers = Number(run.config?.num_layers ?? 1);
  return {
    classes,
    steps,
    units,
    inputSize: inspection.input_size,
    probabilities: Float32Array.from(probabilities),
    picture: picture && { pixels: pixelsOf(picture), width: picture.width, height: picture.height },
    scan: run.config?.permute === null ? String(run.config.scan ?? 'rows') : null,
    moves: strokes,
    hidden: Float32Array.from(inspection.hidden.flat()),
    groups: groupNames(layers, run.config?.bidirectional === true),
    inputGradient: Float32Array.from(inspection.input_gradient.flat()),
    pixelGradient: inspection.pixel_gradient && Float32Array.from(inspection.pixel_gradient),
    moments: trace?.moments ?? [],
    trace: trace?.probabilities ?? [],
  };
}
