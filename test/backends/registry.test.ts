/**
 * Protects the choice of a backend: `auto` passes over unavailable backends and reports broken ones; no name opens the
 * oracle silently.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { UserError } from 'scanstroke';
import {
  BACKEND_CHOICES,
  BACKEND_NAMES,
  type BackendName,
  type HostBackendName,
} from '#src/backends/backend-names.js';
import { openBackend, openHandle } from '#src/backends/open-node.js';
import { openHandle as openHandleInPage, openBackend as openInPage } from '#src/backends/open-web.js';
import { openReference } from '#src/backends/reference/reference.js';
import { BackendUnavailable, type Opener, openChoice } from '#src/backends/registry.js';
import { openWasm } from '#src/backends/wasm/load.js';
import { OPTIONS } from '#src/train/config/options.js';

/** An opener that returns the oracle, or throws. */
const opener = (error?: Error): Opener => ({
  open() {
    if (error) throw error;
    return openReference();
  },
  reopen: openReference,
});

/** The lines that `auto` reports with openers that throw these errors. */
async function notices(cpu?: Error, wasm?: Error, reference?: Error): Promise<[string, string][]> {
  const said: [string, string][] = [];
  const openers = { cpu: opener(cpu), wasm: opener(wasm), reference: opener(reference) };
  await openChoice('node', openers, 'auto', (line, reason) => said.push([reason, line]));
  return said;
}

suite('auto', () => {
  const absent = new BackendUnavailable('backend cpu: not built');
  const broken = new Error('backend wasm: the file is cut short\nat some line');

  test('opens the first backend without a line, if that works', async () => {
    assert.deepEqual(await notices(), []);
    assert.equal((await openBackend()).name, 'cpu');
  });

  test('distinguishes unavailable backends from those that fail to open', async () => {
    assert.deepEqual(await notices(absent, broken), [
      ['unavailable', 'backend cpu: not built; WebAssembly takes over, about three times slower'],
      [
        'failed',
        'backend wasm: present, but failed to open (the file is cut short); plain TypeScript takes over, hundreds of times slower',
      ],
    ]);
  });

  test('throws the error of the last backend if none opens', async () => {
    await assert.rejects(notices(absent, broken, new Error('nothing left')), /nothing left/);
  });
});

/** A machine may have no GPU. */
function noGpu(name: BackendName, error: unknown): null {
  if (name === 'webgpu' && error instanceof BackendUnavailable) return null;
  throw error;
}

suite('names', () => {
  test('a name opens this backend or throws its error', async () => {
    for (const name of BACKEND_NAMES) {
      const backend = await openBackend(name).catch((error) => noGpu(name, error));
      if (!backend) continue;
      assert.equal(backend.name, name);
      backend.close();
    }
    const openers = { cpu: opener(new Error('mine')), wasm: opener(), reference: opener() };
    await assert.rejects(
      openChoice('node', openers, 'cpu', () => {}),
      /^Error: mine$/,
    );
  });

  test('unknown names and names of another platform are refused', async () => {
    const unknown = 'gpu' as BackendName;
    await assert.rejects(openBackend(unknown), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /'gpu' is not one of auto, cpu, wasm, reference/);
      return true;
    });
    await assert.rejects(
      openInPage('cpu' as 'wasm'),
      /cpu: does not run in a page; use auto, wasm, reference/,
    );
  });

  test('a handle of an unknown backend or of another platform is refused and does not open the oracle', () => {
    const unknown = { name: 'gpu' as HostBackendName };
    assert.throws(() => openHandle(unknown), /backend gpu: does not run in a worker of Node.js/);
    assert.throws(() => openHandleInPage({ name: 'cpu' }), /backend cpu: does not run in a worker of a page/);
    assert.equal(openHandle({ name: 'reference' }).name, 'reference');
  });

  test('the option --backend offers them all', () => {
    const { backend } = OPTIONS;
    assert.deepEqual('choices' in backend && backend.choices, BACKEND_CHOICES);
  });
});

suite('reasons why a backend is unavailable', () => {
  test('wasm: a runtime without SIMD', async (t) => {
    t.mock.method(WebAssembly, 'validate', () => false);
    await assert.rejects(openWasm(), BackendUnavailable);
  });

  /** Copies the compiled backends into a new folder, with `addon` as the addon. Null: none; undefined: no sources either. */
  async function openElsewhere(addon?: string | null): Promise<{ name: string; lines: string[] }> {
    const folder = mkdtempSync(join(tmpdir(), 'scanstroke-registry-'));
    try {
      cpSync(
        fileURLToPath(new URL('../../../dist/backends', import.meta.url)),
        join(folder, 'dist/backends'),
        {
          recursive: true,
        },
      );
      const needed = [
        'half.js',
        'random.js',
        'shared-memory.js',
        'user-error.js',
        'cache-folder.js',
        'vendor',
      ];
      for (const name of needed) {
        const from = fileURLToPath(new URL(`../../../dist/${name}`, import.meta.url));
        cpSync(from, join(folder, 'dist', name), { recursive: true });
      }
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      const built = join(folder, 'kernels/build');
      if (addon !== undefined) mkdirSync(built, { recursive: true });
      if (addon) writeFileSync(join(built, 'scanstroke.node'), addon);
      const elsewhere = join(folder, 'dist/backends/open-node.js');
      const library: typeof import('#src/backends/open-node.js') = await import(elsewhere);
      const lines: string[] = [];
      const { name } = await library.openBackend('auto', (line) => lines.push(line));
      return { name, lines };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test('cpu: an addon that is not built is missing; one that cannot be loaded is broken', async () => {
    // A server's bundle has no folder kernels/ at all.
    for (const missing of [await openElsewhere(null), await openElsewhere()]) {
      assert.equal(missing.name, 'wasm');
      assert.equal(missing.lines.length, 1);
      assert.match(
        missing.lines[0],
        /^backend cpu: there are no native kernels for .*`npx scanstroke build` compiles them; WebAssembly/,
      );
    }
    const broken = await openElsewhere('this is no addon');
    assert.equal(broken.name, 'wasm');
    assert.match(
      broken.lines.join(),
      /^backend cpu: present, but failed to open \(the native kernels .* do not load here .*WebAssembly takes over/,
    );
  });
});
