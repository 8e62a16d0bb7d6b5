/** A source of pictures made in a test. */
import type { OwnPicture, OwnSource } from '#src/data/own/own-picture.js';

/** A picture whose pixels all have one value. */
export function plainPicture(given: Partial<OwnPicture> & { value?: number } = {}): OwnPicture {
  const { width = 4, height = 3, channels = 1, value = 100 } = given;
  return {
    label: 'a',
    part: null,
    where: 'made',
    width,
    height,
    channels,
    pixels: new Uint8Array(width * height * channels).fill(value),
    ...given,
  };
}

/** @param bad places of pictures that cannot be read, which come last */
export function madeSource(
  pictures: readonly OwnPicture[],
  { total = pictures.length as number | null, bad = [] as readonly string[] } = {},
): OwnSource & { readings: number } {
  return {
    name: 'made',
    total,
    readings: 0,
    async *pictures(_signal, leaveOut) {
      this.readings++;
      yield* pictures;
      for (const where of bad) leaveOut(where, 'it is damaged');
    },
  };
}
