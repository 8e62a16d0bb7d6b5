/**
 * Heat map of hidden states: one column per step, one row per unit; orange is positive, blue is negative. Layers and
 * directions are stacked, each with its name.
 */
import { useEffect, useRef } from 'preact/hooks';

export interface HeatMapProps {
  /** [T, U] from −1 to 1. */
  values: Float32Array;
  steps: number;
  units: number;
  /** Names of the groups of units from the top; all groups have the same size. */
  groups: readonly string[];
  /** The step to mark, counted from 0; null for none. */
  cursor: number | null;
  label: string;
}

const WARM = [222, 116, 24];
const COOL = [58, 118, 222];

export function HeatMap({ values, steps, units, groups, cursor, label }: HeatMapProps) {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = element.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(steps, units);
    for (let t = 0; t < steps; t++) {
      for (let u = 0; u < units; u++) {
        const value = values[t * units + u];
        const [red, green, blue] = value > 0 ? WARM : COOL;
        const opacity = Math.round(255 * Math.min(1, Math.abs(value) ** 0.8));
        image.data.set([red, green, blue, opacity], 4 * (u * steps + t));
      }
    }
    context.putImageData(image, 0, 0);
  }, [values, steps, units]);
  return (
    <div class="heat-map" style={{ '--groups': groups.length }} role="img" aria-label={label}>
      <canvas ref={element} width={steps} height={units} />
      {groups.length > 1 &&
        groups.map((name, n) => (
          <span key={name} class="group" style={{ '--group': n }}>
            {name}
          </span>
        ))}
      {cursor !== null && <span class="cursor" style={{ '--at': (cursor + 0.5) / steps }} />}
    </div>
  );
}
