/**
 * Charts to files: SVG by echarts without a browser, PNG from that SVG, and PDF with vectors and text by echarts on
 * the canvas of a PDF page.
 */

import { createRequire } from 'node:module';
import type { Image } from '@napi-rs/canvas';
import type { EChartsOption } from 'echarts';
import { UserError } from '../user-error.js';
import { type Chart, FONT_FAMILY } from './chart.js';
import { fontFiles, needsOtherFonts } from './fonts.js';
import { light } from './palette.js';

type Canvas = typeof import('@napi-rs/canvas');
type ResvgModule = typeof import('@resvg/resvg-js');

const require = createRequire(import.meta.url);

// The package's one-file build, which our build puts here; bundled anew, echarts drew NaN for the smallest numbers.
const echarts: typeof import('echarts') = require('./echarts/echarts.min.cjs');

/** PNG and PDF need packages with binaries, which an installation may leave out. They load when they are needed. */
const DRAWN_BY = { png: '@resvg/resvg-js', pdf: '@napi-rs/canvas' } as const;

function drawer(format: keyof typeof DRAWN_BY): unknown {
  const name = DRAWN_BY[format];
  try {
    return require(name);
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new UserError(
      `charts as ${format.toUpperCase()} need the package ${name}, which does not load (${reason}); npm install ${name}, or --chart-format svg`,
    );
  }
}

/** @throws UserError if charts cannot be drawn in one of the formats on this machine */
export function checkChartFormats(formats: readonly string[]): void {
  if (formats.includes('png')) drawer('png');
  if (formats.includes('pdf')) drawer('pdf');
}

/** The chart as an SVG document that needs nothing else. */
export function renderSvg(chart: Chart): string {
  const { width, height } = chart;
  const instance = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    instance.setOption(chart.option);
    return tidy(instance.renderToSVGString(), chart);
  } finally {
    instance.dispose();
  }
}

/**
 * Leaves out what only a page with a mouse needs, and names the ids after the chart, so that several SVGs can stand
 * in one page and the same chart always gives the same text.
 */
function tidy(svg: string, { name, title }: Chart): string {
  const prefixes = new Map<string, string>();
  return svg
    .replace(/<style[\s\S]*?<\/style>\s*/g, '')
    .replace(/ (?:class|pointer-events|ecmeta_\w+|baseProfile|version|xml:space)="[^"]*"/g, '')
    .replace(/<path[^>]* fill-opacity="0"[^>]*><\/path>\s*/g, '')
    .replace(/ style="[^"]*"/g, (attribute) => attribute.replace(`font-family:${FONT_FAMILY};`, ''))
    .replace(/(id="|url\(#)zr\d+-(\w+)/g, (_, before: string, id: string) => {
      // Numbered anew: zrender counts on from one drawing to the next.
      if (!prefixes.has(id)) prefixes.set(id, `${name}-${prefixes.size}`);
      return before + prefixes.get(id);
    })
    .replace(/ (?:d|x|y|width|height|transform)="[^"]*"/g, (attribute) =>
      attribute.replace(/-?\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
    )
    .replace(
      /^<svg /,
      `<svg role="img" aria-label="${escapeXml(title)}" font-family="'${FONT_FAMILY}', system-ui, sans-serif" `,
    );
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The chart's SVG as a PNG, twice as large; very large charts are not enlarged.
 * @throws UserError if @resvg/resvg-js does not load
 */
export function renderPng(chart: Pick<Chart, 'width' | 'height'>, svg: string): Uint8Array {
  const zoom = Math.max(chart.width, chart.height) > 2000 ? 1 : 2;
  const { Resvg } = drawer('png') as ResvgModule;
  return new Resvg(svg, {
    background: light.surface,
    fitTo: { mode: 'zoom', value: zoom },
    font: {
      loadSystemFonts: needsOtherFonts(svg),
      fontFiles: [...fontFiles],
      defaultFontFamily: FONT_FAMILY,
      sansSerifFamily: FONT_FAMILY,
    },
  })
    .render()
    .asPng();
}

/**
 * The chart as a PDF of one page, with vectors and real text. A pixel becomes a point.
 * @throws UserError if @napi-rs/canvas does not load
 */
export async function renderPdf(chart: Chart): Promise<Uint8Array> {
  const canvas = drawer('pdf') as Canvas;
  const { GlobalFonts, PDFDocument } = canvas;
  for (const file of fontFiles) GlobalFonts.registerFromPath(file, FONT_FAMILY);
  // From here to the end nothing waits, so no other drawing comes in between.
  images = await decodeImages(chart.option, canvas);
  const { width, height } = chart;
  const document = new PDFDocument({ title: chart.title, creator: 'scanstroke' });
  const context = document.beginPage(width, height);
  // The page is empty; in a PDF, clearing it would put everything behind a mask.
  context.clearRect = () => {};
  // As much of a canvas element as zrender asks for.
  const page = {
    nodeName: 'CANVAS',
    width,
    height,
    style: {},
    getContext: () => context,
    addEventListener() {},
    removeEventListener() {},
  };
  const instance = echarts.init(page as unknown as HTMLElement, null, {
    renderer: 'canvas',
    width,
    height,
    devicePixelRatio: 1,
  });
  try {
    instance.setOption(chart.option);
    instance.getZr().flush();
  } finally {
    instance.dispose();
  }
  document.endPage();
  return document.close();
}

/** What the PDF that is being drawn shows, by address. */
let images: ReadonlyMap<string, Image> = new Map();
// echarts clones its options, and an image does not survive that: addresses go in, images come out here.
echarts.setPlatformAPI({ loadImage: (address) => images.get(address) as unknown as HTMLImageElement });

async function decodeImages({ graphic }: EChartsOption, canvas: Canvas): Promise<Map<string, Image>> {
  const decoded = new Map<string, Image>();
  for (const element of Array.isArray(graphic) ? graphic : []) {
    if (element.type !== 'image' || !('style' in element)) continue;
    const address = (element.style as { image: string }).image;
    decoded.set(address, await canvas.loadImage(address));
  }
  return decoded;
}
