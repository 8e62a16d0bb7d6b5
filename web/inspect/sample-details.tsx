/** One sample in full: its true class, the network's answer, and the inside of the network. */
import type { RunDetails, SampleDetails as SampleDetailsJson, SamplePart } from '#src/serve/api.js';
import { Bars } from '../charts/bars.js';
import { formatChance } from '../charts/classes.js';
import { useLoaded } from '../hooks.js';
import { getApi } from '../requests.js';
import { groupNames, Inside, type Reading } from './inside.js';
import { pixelsOf, SamplePicture } from './samples.js';

interface SampleDetailsProps {
  run: RunDetails;
  part: SamplePart;
  index: number;
}

export function SampleDetails({ run, part, index }: SampleDetailsProps) {
  const { value, error } = useLoaded(
    async (signal) => {
      const path = `runs/${encodeURIComponent(run.id)}/samples/${index}?part=${part}`;
      return (await getApi<SampleDetailsJson>(path, signal)).value;
    },
    [run.id, part, index],
  );
  if (error)
    return (
      <p class="card notice" role="alert">
        {error}
      </p>
    );
  if (!value) return <div class="card waiting" aria-busy="true" />;
  const { classes, label, predicted, probability } = value;
  const isCorrect = label === predicted;
  const reading = readingOf(value, run);
  return (
    <section class="card sample" aria-label={`Sample ${value.index}`}>
      <header>
        <div>
          <h2>
            {isCorrect
              ? `${classes[label]}, correct`
              : `${classes[label]}, recognised as ${classes[predicted]}`}
          </h2>
          <p class="muted">
            {part} sample {value.index}: {formatChance(probability)} for {classes[predicted]}
            {isCorrect ? '' : `, ${formatChance(value.label_probability)} for ${classes[label]}`}
          </p>
          <Bars classes={classes} probabilities={Float32Array.from(value.probabilities)} best={predicted} />
        </div>
      </header>
      {reading ? (
        <Inside key={`${run.id} ${part} ${value.index}`} reading={reading} />
      ) : (
        <SamplePicture sample={value} label={`Sample ${value.index}, ${classes[label]}`} />
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
    moves: strokes,
    hidden: Float32Array.from(inspection.hidden.flat()),
    groups: groupNames(layers, run.config?.bidirectional === true),
    inputGradient: Float32Array.from(inspection.input_gradient.flat()),
    pixelGradient: inspection.pixel_gradient && Float32Array.from(inspection.pixel_gradient),
    moments: trace?.moments ?? [],
    trace: trace?.probabilities ?? [],
  };
}
