/** Protects docs/serving.md: every example works unchanged on a run called my-run and a project called signs. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawingsToNdjson, writeProject } from '#src/data/pens/project.js';
import { openApi } from '#src/serve/openapi.js';
import { greyPng } from '../data/pictures/png-file.js';
import { letterProject } from '../teach/hands.js';
import { makeRuns, serve } from './served-runs.js';

const page = readFileSync(fileURLToPath(new URL('../../../docs/serving.md', import.meta.url)), 'utf8');

/** The curl commands, each in one line. */
function commands(): string[] {
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1].replace(/\\\n\s*/g, ''));
  return blocks.flatMap((block) => [...block.matchAll(/curl (?:[^'\n]|'[^']*')+/g)].map((match) => match[0]));
}

/** The file of an example, by its type. */
const FILES: Record<string, () => Uint8Array> = {
  'image/png': () => greyPng(new Uint8Array(784).fill(255, 300, 400), 28),
  'application/octet-stream': () => new Uint8Array(784),
  'application/json': () => Buffer.from(writeProject(letterProject(['A', 'E'], 2))),
  'application/x-ndjson': () => Buffer.from(drawingsToNdjson(letterProject(['A', 'E'], 2))),
};

test('every example with curl is answered', async () => {
  const { runs, data } = makeRuns();
  renameSync(join(runs, 'rows'), join(runs, 'my-run'));
  const server = await serve({ runs, dataRoots: [data], allowTraining: true, given: [join(runs, 'my-run')] });
  try {
    const found = commands();
    assert.equal(found.length, 18);
    for (const command of found) {
      const address = /http:\/\/127\.0\.0\.1:7860(\/[^\s']*)/.exec(command)?.[1] ?? '';
      const type = /content-type: ([\w/-]+)/.exec(command)?.[1];
      const json = /-d '([\s\S]*)'/.exec(command)?.[1];
      const method = /-X (\w+)/.exec(command)?.[1];
      const init = type
        ? { method: 'POST', headers: { 'content-type': type }, body: json ?? new Uint8Array(FILES[type]()) }
        : { method };
      const path = address.slice(1).replace('247', '7');
      let status = 202;
      while (status === 202) {
        const response = await fetch(server.url + path, init);
        status = response.status;
        await response.body?.cancel();
        if (path.includes('/train')) break;
      }
      if (path.includes('/train') && method !== 'DELETE') {
        assert.equal(status, 202, command);
        continue;
      }
      assert.equal(status, 200, command);
    }
  } finally {
    await server.close();
  }
});

test('the page lists every address of the API', () => {
  for (const path of Object.keys(openApi('1.2.3').paths as object)) {
    const written = path
      .replace('{id}', 'ID')
      .replace('{index}', 'INDEX')
      .replace('{file}', 'FILE')
      .replace('{name}', 'NAME');
    assert.ok(page.includes(written), written);
  }
});
