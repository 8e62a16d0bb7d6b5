/**
 * Protects the page in one file: it holds the model's checkpoint bit by bit, stays below a megabyte, cannot be broken by
 * names, and is refused for models that a drawing does not fit.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportsWith } from '#src/exchange/export.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { readPageTemplate } from '#src/exchange/html/page-template.js';
import { writeHtml } from '#src/exchange/html/write-html.js';
import { unpackParcel } from '#src/formats/parcel.js';
import { fromPlanes } from '#src/formats/safetensors/float-planes.js';
import { UserError } from '#src/user-error.js';
import { checkpointOf, quickModel, strokeModel } from './untrained.js';

const TEMPLATE = '<title>scanstroke</title><script type="text/plain" id="model"></script><p>rest</p>';

async function written(model: ExportableModel, template = TEMPLATE) {
  const files = await writeHtml(model, template);
  assert.equal(files.length, 1);
  const { name, bytes } = files[0];
  assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xfe], 'the byte order mark of UTF-16');
  return { name, bytes, text: new TextDecoder('utf-16le', { fatal: true }).decode(bytes) };
}

/** What the element of the model holds. */
async function modelIn(text: string): Promise<{ about: unknown; checkpoint: Uint8Array }> {
  const letters = /<script type="text\/plain" id="model">([^<]*)<\/script>/.exec(text)?.[1];
  assert.ok(letters);
  const [about, planes] = await unpackParcel(letters);
  return { about: JSON.parse(new TextDecoder().decode(about)), checkpoint: fromPlanes(planes) };
}

for (const model of [quickModel(), strokeModel()]) {
  test(`the file of ${model.name} holds its checkpoint, bit by bit, and what the page shows of it`, async () => {
    const { name, text } = await written(model);
    assert.equal(name, `${model.name}.html`);
    assert.ok(text.startsWith(`<title>${model.name} – scanstroke</title>`));
    assert.ok(text.endsWith('<p>rest</p>'));
    const { about, checkpoint } = await modelIn(text);
    assert.deepEqual(checkpoint, checkpointOf(model));
    const parameters = [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
    const { kind } = model.preprocessing!;
    assert.deepEqual(about, { name: model.name, kind, classes: model.classes, parameters });
  });
}

test('a checkpoint loses its training state', async () => {
  const model = quickModel();
  const training = { optimizer: model.parameters, state: { epoch: 3 } };
  const { checkpoint } = await modelIn((await written({ ...model, training })).text);
  assert.deepEqual(checkpoint, checkpointOf(model));
});

test('no name of model or class becomes markup', async () => {
  const hostile = '</title></script><script>alert(1)</script>&lt;$&$`<!--';
  const classes = [...quickModel().classes.slice(1), hostile];
  const { text } = await written(quickModel({ name: hostile, classes }));
  assert.equal(text.match(/<script/g)?.length, 1);
  assert.equal(
    text.match(/<title>([^<]*)<\/title>/)?.[1],
    '&lt;/title>&lt;/script>&lt;script>alert(1)&lt;/script>&amp;lt;$&amp;$`&lt;!-- – scanstroke',
  );
  assert.ok(!text.includes('<!--'));
  const { about } = await modelIn(text);
  assert.deepEqual(about, { name: hostile, kind: 'images', classes, parameters: 233_482 });
});

/** Bits of information in the exponents of all weights. */
function exponentEntropy(model: ExportableModel): number {
  const counts = new Map<number, number>();
  let total = 0;
  for (const { data } of model.parameters.values()) {
    for (const word of new Uint32Array(data.buffer, data.byteOffset, data.length)) {
      const exponent = (word >>> 23) & 255;
      counts.set(exponent, (counts.get(exponent) ?? 0) + 1);
      total++;
    }
  }
  return [...counts.values()].reduce((sum, count) => sum - (count / total) * Math.log2(count / total), 0);
}

test('with a model of the size of quick, and exponents as spread as after training, the file has less than 1 MB', async (t) => {
  const model = quickModel();
  // The weights of a quick run have 2.76 bits; more make the file larger.
  const entropy = exponentEntropy(model);
  assert.ok(entropy > 2.8 && entropy < 3.2, `${entropy}`);
  const { bytes } = await written(model, await readPageTemplate());
  t.diagnostic(`${bytes.length} bytes, exponents of ${entropy.toFixed(2)} bits`);
  assert.ok(bytes.length < 1_000_000, `${bytes.length}`);
});

function refuses(work: Promise<unknown>, message: RegExp): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}

test('models that a drawing does not fit are refused, with the reason', async () => {
  await refuses(writeHtml(quickModel({ preprocessing: null }), TEMPLATE), /the model has no preprocessing/);
  const preprocessing = quickModel().preprocessing!;
  assert.ok(preprocessing.kind === 'images');
  for (const [size, found] of [
    [{ channels: 3 }, /reads 28 × 28 with 3/],
    [{ width: 32, height: 32 }, /reads 32 × 32 with 1/],
  ] as const) {
    await refuses(writeHtml(quickModel({ preprocessing: { ...preprocessing, ...size } }), TEMPLATE), found);
  }
  await refuses(
    writeHtml(quickModel({ preprocessing: strokeModel().preprocessing }), TEMPLATE),
    /input size 28, but its preprocessing gives 4/,
  );
});

test('a page that was not built is named, with the command that builds it', async () => {
  await refuses(
    readPageTemplate('/nowhere/template.html'),
    /no built page at .*template\.html.*npm run build/,
  );
  await refuses(exportsWith({})(checkpointOf(quickModel()), { format: 'html' }), /export html: .*Node\.js/);
});

test('a template without its places is a fault of the build', async () => {
  for (const template of ['<title>scanstroke</title>', TEMPLATE + TEMPLATE]) {
    await assert.rejects(writeHtml(strokeModel(), template), /the template must have .* once/);
  }
});
