/**
 * Labels the connected components of a picture's ink. Pixels with enough ink found components (8 neighbours); the
 * fainter pixels at the edges of lines then join the component that they touch first.
 */

/** Components of a picture. */
export interface LabelledInk {
  /** [height, width] 1 + index of the pixel's component; 0 for paper. */
  labels: Int32Array;
  /** Number of components, in the order of their first pixels, row by row. */
  count: number;
}

/**
 * Labels components.
 * @param values [height, width] shares of ink, 0 to 1
 * @param least share of ink with which a pixel founds a component
 * @param faint smaller shares are paper
 */
export function labelComponents(
  { width, height, values }: { width: number; height: number; values: Float32Array },
  least: number,
  faint: number,
): LabelledInk {
  const labels = new Int32Array(values.length);
  const queue = new Int32Array(values.length);
  /** Labels what is connected with the pixels queue[from … start - 1], breadth first; returns the queue's new end. */
  const spread = (from: number, start: number, limit: number) => {
    let end = start;
    for (let n = from; n < end; n++) {
      const x = queue[n] % width;
      const y = (queue[n] - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const i = v * width + u;
          if (labels[i] !== 0 || values[i] < limit) continue;
          labels[i] = labels[queue[n]];
          queue[end++] = i;
        }
      }
    }
    return end;
  };
  let [count, end] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (labels[i] !== 0 || values[i] < least) continue;
    labels[i] = ++count;
    queue[end] = i;
    end = spread(end, end + 1, least);
  }
  // Breadth first from all components at once: a faint pixel joins the nearest.
  spread(0, end, faint);
  return { labels, count };
}
