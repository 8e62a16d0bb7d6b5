/**
 * Protects chart files: PNG and PDF show their text on a machine without fonts, the PDF has vectors and searchable text,
 * and pictures have the recorded pixels.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { renderPdf, renderPng, renderSvg } from '#src/report/charts/chart-files.js';
import { confusionMatrixChart } from '#src/report/charts/confusion.js';
import { accuracyChart, lossChart } from '#src/report/charts/curves.js';
import { fontFiles, needsOtherFonts } from '#src/report/charts/fonts.js';
import { mistakesChart, mistakeTiles } from '#src/report/charts/mistakes.js';
import { light } from '#src/report/palette.js';
import { pictureImage } from '#src/report/picture.js';
import { pdfImages, pdfText } from './pdf.js';
import { sampleInput, sampleStrokeMistake } from './sample.js';

/** The pixels of a PNG, four bytes each. */
async function decode(png: Uint8Array | string) {
  const image = await loadImage(typeof png === 'string' ? png : Buffer.from(png));
  const context = createCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  return {
    width: image.width,
    height: image.height,
    data: context.getImageData(0, 0, image.width, image.height).data,
  };
}

test('a PNG is valid and twice as large as the chart', async () => {
  const chart = accuracyChart(sampleInput(), 'file');
  const png = await renderPng(chart, renderSvg(chart));
  assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const { width, height } = await decode(png);
  assert.deepEqual([width, height], [2 * chart.width, 2 * chart.height]);
});

test('a PNG shows its text without the fonts of the machine', async () => {
  const chart = accuracyChart(sampleInput(), 'file');
  const svg = renderSvg(chart);
  assert.ok(fontFiles.every((file) => existsSync(file)));
  assert.ok(!needsOtherFonts(svg), 'the chart would load the fonts of the machine');
  const { width, data } = await decode(await renderPng(chart, svg));
  // The title is between 26 and 52 pixels from the top, dark on white.
  let dark = 0;
  for (let y = 52; y < 104; y++) for (let x = 0; x < width; x++) if (data[4 * (y * width + x)] < 100) dark++;
  assert.ok(dark > 2000, `${dark} dark pixels`);
});

test('letters that are not in the font are found', () => {
  assert.ok(!needsOtherFonts('T-shirt → Ζεύς, Жук, Łódź – “98.9 %” …'));
  assert.ok(needsOtherFonts('お'));
  assert.ok(needsOtherFonts('🙂'));
});

test('the PNG of a large matrix is not enlarged', async () => {
  const classes = Array.from({ length: 100 }, (_, index) => `class ${index}`);
  const chart = confusionMatrixChart(sampleInput({ classes, samplesPerClass: 20 }), 'file');
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>';
  assert.ok(chart.width > 2000);
  assert.equal((await decode(await renderPng(chart, svg))).width, 10);
});

test('a PDF has vectors and searchable text, and is the same every time', async () => {
  const chart = accuracyChart(sampleInput(), 'file');
  const pdf = await renderPdf(chart);
  assert.match(Buffer.from(pdf.subarray(0, 8)).toString(), /^%PDF-1\.\d/);
  const text = pdfText(pdf);
  for (const part of [chart.title, chart.note, 'validation', 'epoch of 400 updates'])
    assert.ok(text.includes(part), text);
  assert.match(Buffer.from(pdf).toString('latin1'), /\/BaseFont \/[A-Z]+\+IBMPlexSans-SemiBold/);
  assert.deepEqual(pdfImages(pdf), { images: 0, masked: false });
  assert.deepEqual(await renderPdf(chart), pdf);
});

test('a PDF of the mistakes contains their pictures', async () => {
  const input = sampleInput({ mistakes: 4 });
  // Equal pictures are stored once; there are two different ones.
  const pdf = await renderPdf(mistakesChart(mistakeTiles(input.mistakes, ['zero', 'one'])));
  assert.ok(pdfImages(pdf).images >= 2);
  assert.ok(pdfText(pdf).includes('zero → one'));
});

test('drawings of strokes are vectors in a PDF, and in colour in a PNG', async () => {
  const chart = mistakesChart(mistakeTiles([sampleStrokeMistake(0, 10)], []));
  assert.deepEqual(pdfImages(await renderPdf(chart)), { images: 0, masked: false });
  const { data } = await decode(await renderPng(chart, renderSvg(chart)));
  const found = new Set<string>();
  for (let at = 0; at < data.length; at += 4) {
    found.add(
      `#${[...data.subarray(at, at + 3)].map((value) => value.toString(16).padStart(2, '0')).join('')}`,
    );
  }
  assert.deepEqual(
    light.pen.filter((color) => !found.has(color)),
    [],
  );
});

test('PDFs rendered at the same time keep their own pictures', async () => {
  const tiles = mistakeTiles(sampleInput({ mistakes: 4 }).mistakes, []);
  const alone = await renderPdf(mistakesChart(tiles));
  const [first, , third] = await Promise.all([
    renderPdf(mistakesChart(tiles)),
    renderPdf(lossChart(sampleInput(), 'file')),
    renderPdf(mistakesChart(tiles.slice(0, 1))),
  ]);
  assert.deepEqual(first, alone);
  assert.ok(pdfImages(third).images >= 1);
});

test('a picture on a dark background is inverted, and its pixels become squares', async () => {
  const { uri, width, height, inked } = pictureImage({
    width: 3,
    height: 2,
    channels: 1,
    pixels: new Uint8Array([0, 255, 0, 0, 100, 0]),
  });
  assert.deepEqual([width, height, inked], [111, 74, true]);
  const { data } = await decode(uri);
  const at = (x: number, y: number) => [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4)];
  assert.deepEqual(at(0, 0), [255, 255, 255, 255]);
  assert.deepEqual([at(37, 0), at(73, 36)], [at(37, 0), at(37, 0)]);
  assert.deepEqual(at(37, 0), [0, 0, 0, 255]);
  assert.deepEqual(at(37, 37), [155, 155, 155, 255]);
});

test('three channels are red, green and blue; a light background is not inverted', async () => {
  const colour = pictureImage({
    width: 1,
    height: 2,
    channels: 3,
    pixels: new Uint8Array([10, 20, 30, 40, 50, 60]),
  });
  assert.equal(colour.inked, false);
  const { data, width, height } = await decode(colour.uri);
  assert.deepEqual([...data.subarray(0, 3)], [10, 20, 30]);
  const last = 4 * (width * height - 1);
  assert.deepEqual([...data.subarray(last, last + 3)], [40, 50, 60]);
  const paper = pictureImage({ width: 1, height: 1, channels: 1, pixels: new Uint8Array([250]) });
  assert.equal((await decode(paper.uri)).data[0], 250);
});
