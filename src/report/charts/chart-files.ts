/**
 * Renders charts as files without a browser. echarts draws the SVG; resvg turns that SVG into a PNG; for a PDF, echarts
 * draws on the canvas of a PDF page, so the PDF has vectors and text.
 */

import { createRequire } from 'node:module';
import type { Image } from '@napi-rs/canvas';
import type { EChartsOption } from 'echarts';
import { light } from '../palette.js';
import { type Chart, FONT_FAMILY } from './chart.js';
import { type ChartPackages, drawer } from './chart-packages.js';
import { fontFiles, needsOtherFonts } from './fonts.js';

const require = createRequire(import.meta.url);

// The one-file build of echarts, copied here by our build. Bundled by us, echarts drew NaN for the smallest numbers.
const echarts: typeof import('echarts') = require('./echarts/echarts.min.cjs');

/** The chart as a self-contained SVG document. The same chart always gives the same text. */
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
 * Removes attributes and elements for mouse events. Renames the ids after the chart, so that they are unique in a page
 * with several SVGs and the same for the same chart.
 */
function tidy(svg: string, { name, title, height }: Chart): string {
  const prefixes = new Map<string, string>();
  return withoutOpenClips(svg, height)
    .replace(/<style[\s\S]*?<\/style>\s*/g, '')
    .replace(/ (?:class|pointer-events|ecmeta_\w+|baseProfile|version|xml:space)="[^"]*"/g, '')
    .replace(/<path[^>]* fill-opacity="0"[^>]*><\/path>\s*/g, '')
    .replace(/ style="[^"]*"/g, (attribute) => attribute.replace(`font-family:${FONT_FAMILY};`, ''))
    .replace(/(id="|url\(#)zr\d+-(\w+)/g, (_, before: string, id: string) => {
      // zrender's counter continues from one drawing to the next; these numbers start from 0.
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

/**
 * Lines without `clip` are clipped, too: at the left and right, where they end, in a rectangle that is higher than the
 * chart. For a clipped line, a PNG needs a layer of its own.
 */
function withoutOpenClips(svg: string, height: number): string {
  const open = new Set<string>();
  const rectangle =
    /<clipPath id="([^"]*)">\s*<path d="M\S+ (\S+)l\S+ 0l0 (\S+)l-\S+ 0Z"[^>]*><\/path>\s*<\/clipPath>\s*/g;
  return svg
    .replace(rectangle, (clip, id: string, top: string, size: string) => {
      if (Number(top) > 0 || Number(top) + Number(size) < height) return clip;
      open.add(id);
      return '';
    })
    .replace(/ clip-path="url\(#([^"]*)\)"/g, (attribute, id: string) => (open.has(id) ? '' : attribute))
    .replace(/<defs >\s*<\/defs>\s*/, '');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The chart's SVG as a PNG, rendered in a thread of Node's pool: two pixels per unit; one if a side is longer than 2000.
 * @throws UserError if @resvg/resvg-js cannot be loaded
 */
export async function renderPng(chart: Pick<Chart, 'width' | 'height'>, svg: string): Promise<Uint8Array> {
  const zoom = Math.max(chart.width, chart.height) > 2000 ? 1 : 2;
  const { renderAsync } = drawer('png');
  const image = await renderAsync(svg, {
    background: light.surface,
    fitTo: { mode: 'zoom', value: zoom },
    font: {
      loadSystemFonts: needsOtherFonts(svg),
      fontFiles: [...fontFiles],
      defaultFontFamily: FONT_FAMILY,
      sansSerifFamily: FONT_FAMILY,
    },
  });
  return image.asPng();
}

/**
 * The chart as a PDF of one page, with vectors and text. One pixel of the chart is one point of the PDF.
 * @throws UserError if @napi-rs/canvas cannot be loaded
 */
export async function renderPdf(chart: Chart): Promise<Uint8Array> {
  const canvas = drawer('pdf');
  const { GlobalFonts, PDFDocument } = canvas;
  for (const file of fontFiles) GlobalFonts.registerFromPath(file, FONT_FAMILY);
  // `images` is shared by all calls. After this line nothing awaits, so no other call can replace it.
  images = await decodeImages(chart.option, canvas);
  const { width, height } = chart;
  const document = new PDFDocument({ title: chart.title, creator: 'scanstroke' });
  const context = document.beginPage(width, height);
  // The page is empty already. In a PDF, clearing it would put all content behind a mask.
  context.clearRect = () => {};
  // The members of a canvas element that zrender uses.
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

/** Decoded images of the PDF being drawn, by their address. */
let images: ReadonlyMap<string, Image> = new Map();
// echarts clones its options, which breaks image objects. So options hold addresses, and this returns the images.
echarts.setPlatformAPI({ loadImage: (address) => images.get(address) as unknown as HTMLImageElement });

async function decodeImages(
  { graphic }: EChartsOption,
  canvas: ChartPackages['pdf'],
): Promise<Map<string, Image>> {
  const decoded = new Map<string, Image>();
  for (const element of Array.isArray(graphic) ? graphic : []) {
    if (element.type !== 'image' || !('style' in element)) continue;
    const address = (element.style as { image: string }).image;
    decoded.set(address, await canvas.loadImage(address));
  }
  return decoded;
}
