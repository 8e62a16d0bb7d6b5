/**
 * The packages that draw PNG and PDF charts. They bring binaries, which an installation may leave out, so they are loaded
 * on first use. This module loads no chart library: commands check formats before long work.
 */
import { createRequire } from 'node:module';
import { UserError } from '../../user-error.js';

const require = createRequire(import.meta.url);

const DRAWN_BY = { png: '@resvg/resvg-js', pdf: '@napi-rs/canvas' } as const;

export interface ChartPackages {
  png: typeof import('@resvg/resvg-js');
  pdf: typeof import('@napi-rs/canvas');
}

/** The package that draws a format. @throws UserError if it cannot be loaded */
export function drawer<F extends keyof ChartPackages>(format: F): ChartPackages[F] {
  const name = DRAWN_BY[format];
  try {
    return require(name);
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new UserError(
      `charts as ${format.toUpperCase()} need the package ${name}, which does not load (${reason}); npm install ${name}, or take svg charts`,
      { settings: ['chartFormat'] },
    );
  }
}

/** @throws UserError if charts cannot be drawn in one of the formats on this machine */
export function checkChartFormats(formats: readonly string[]): void {
  if (formats.includes('png')) drawer('png');
  if (formats.includes('pdf')) drawer('pdf');
}

/** The formats in which charts can be drawn on this machine, of those given. */
export function drawableFormats<F extends string>(formats: readonly F[]): F[] {
  return formats.filter((format) => {
    try {
      checkChartFormats([format]);
      return true;
    } catch (error) {
      if (error instanceof UserError) return false;
      throw error;
    }
  });
}
