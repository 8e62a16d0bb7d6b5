/** "Look inside" for the user's drawing. Loaded when opened; refreshed when the pen has rested for a moment. */
import { useEffect, useState } from 'preact/hooks';
import { messageOf, useChanges } from '../hooks.js';
import { groupNames, Inside, type Reading } from '../inspect/inside.js';
import { Failure } from '../states.js';
import type { DrawingInspection } from '../workers/protocol.js';
import type { DrawSession } from './draw-session.js';

const INSPECT_AFTER_MS = 250;

/** What was found in a network; or why nothing was, in words. */
interface Found {
  model: string;
  reading: Reading | string;
}

export default function LookInside({ session }: { session: DrawSession }) {
  const [shown, setShown] = useState<Found[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let current = true;
    let inspected: unknown = null;
    const inspect = async () => {
      const { chosen, ink } = session;
      if (ink.isPenDown) return;
      inspected = ink.strokes;
      const found = await Promise.all(
        chosen.map(async (model) => {
          const inspection = await session.inspect(model).catch(messageOf);
          if (inspection === null) return [];
          const reading =
            typeof inspection === 'string' ? inspection : readingOf(inspection, session.entry(model).classes);
          return [{ model, reading }];
        }),
      );
      if (current && inspected === ink.strokes) setShown(found.flat());
    };
    const scheduleInspection = () => {
      if (inspected === session.ink.strokes) return;
      clearTimeout(timer);
      timer = setTimeout(inspect, INSPECT_AFTER_MS);
    };
    void inspect();
    const unsubscribe = session.subscribe(scheduleInspection);
    return () => {
      current = false;
      clearTimeout(timer);
      unsubscribe();
    };
  }, [session, session.chosen]);
  useChanges(session, 'idle');
  if (session.ink.pointCount === 0) return <p class="muted">Draw something first.</p>;
  if (shown.length === 0) return <p class="muted">There is nothing to recognise yet.</p>;
  return (
    <>
      {shown.map(({ model, reading }) => (
        <section key={model} aria-label={`Inside ${model}`}>
          <h3>{model}</h3>
          {typeof reading === 'string' ? (
            <Failure title="The network cannot be looked into." message={reading} />
          ) : (
            <Inside reading={reading} />
          )}
        </section>
      ))}
    </>
  );
}

function readingOf(inspection: DrawingInspection, classes: readonly string[]): Reading {
  const { shown, trace, moments, layers, ...rest } = inspection;
  const { picture, width, height, moves } = shown;
  return {
    ...rest,
    classes,
    picture: picture && !moves ? { pixels: picture, width, height } : null,
    moves,
    groups: groupNames(layers.numLayers, layers.bidirectional),
    moments,
    trace: Array.from(moments, (_, m) => trace.subarray(m * classes.length, (m + 1) * classes.length)),
  };
}
