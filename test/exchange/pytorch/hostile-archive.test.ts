/** Protects users from hostile archives and tensors: sizes and places that lie, bombs, names, cut and flipped bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_ARCHIVE_ENTRIES } from '#src/exchange/pytorch/read/zip-archive.js';
import { readPytorch } from '#src/exchange/pytorch/read-pytorch.js';
import { UserError } from '#src/user-error.js';
import { interopFile } from '../interop-files.js';
import { archiveItems, archiveOf, dict, oneTensor, pickle, SIX, tensor } from './pickle-bytes.js';
import { withEntry, type ZipItem, zipOf } from './zip-bytes.js';

const W = pickle(dict({ w: tensor({ size: [2, 3], stride: [3, 1] }) }));

function refused(file: Uint8Array, problem: RegExp): void {
  assert.throws(
    () => readPytorch(file, 'm.pt'),
    (error) => error instanceof UserError && problem.test(error.message) && !/[\n\r]/.test(error.message),
    String(problem),
  );
}

/** Other fields in one entry of a good archive. */
function withItem(name: string, changes: Partial<ZipItem>): Uint8Array {
  return zipOf(archiveItems(W).map((item) => (item.name === name ? { ...item, ...changes } : item)));
}

function overwritten(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

test('the archive of these tests is good', () => {
  const { tensors, notices } = readPytorch(archiveOf(W), 'm.pt');
  assert.deepEqual(tensors.get('w'), { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
  assert.deepEqual(notices, []);
});

describe('archives', () => {
  test('with two entries of a name, or other names in front of the data, are refused', () => {
    refused(
      zipOf([...archiveItems(W), { name: 'm/data/0', bytes: SIX }]),
      /two of its entries are called "m\/data\/0"/,
    );
    refused(
      withItem('m/data/0', { localName: 'm/data/1' }),
      /called "m\/data\/0" in the directory, but "m\/data\/1"/,
    );
  });

  test('whose entries share bytes are refused', () => {
    refused(
      withItem('m/version', { header: 0 }),
      /is called "m\/version" in the directory, but "m\/data\.pkl"/,
    );
    const nested = zipOf([{ name: 'm/data/1', bytes: SIX }]).subarray(0, 30 + 8 + 24);
    const outer = { name: 'm/data/0', bytes: nested };
    const inner = { name: 'm/data/1', bytes: new Uint8Array(), header: 30 + 8, size: 24, packedSize: 24 };
    refused(zipOf([outer, inner]), /its entries "m\/data\/0" and "m\/data\/1" overlap at byte 38/);
  });

  test('with sizes and places outside the file are refused', () => {
    refused(
      withItem('m/data/0', { size: 2 ** 31, packedSize: 2 ** 31 }),
      /2147483648 bytes at byte \d+ reaches into the directory/,
    );
    refused(withItem('m/data/0', { header: 0xffff_fff0 }), /should begin at byte 4294967280, but does not/);
    refused(withItem('m/data/0', { size: 100 }), /is stored, but has 24 bytes in the file and 100 outside/);
    const file = archiveOf(W);
    const end = file.length - 22;
    refused(
      overwritten(file, end + 16, [0xff, 0xff, 0xff, 0x7f]),
      /its directory of \d+ bytes at byte 2147483647 reaches past/,
    );
    refused(overwritten(file, end + 12, [0, 0, 0, 0]), /byte \d+: expected an entry of its directory/);
    refused(zipOf(archiveItems(W), 2), /its directory has \d+ bytes, but its 2 entries take \d+/);
    refused(zipOf(archiveItems(W), 60_000), /expected an entry of its directory/);
  });

  test('with a ZIP64 record that lies are refused', () => {
    const file = interopFile('torch211/last_uni.state_dict.pt');
    const locator = file.length - 22 - 20;
    const end64 = locator - 56;
    assert.equal(readPytorch(file, 'm').tensors.size, 6);
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    refused(overwritten(file, locator + 8, huge), /its ZIP64 end record is not where the file says/);
    refused(
      overwritten(file, end64 + 32, huge),
      new RegExp(`Infinity entries; at most ${MAX_ARCHIVE_ENTRIES}`),
    );
    refused(overwritten(file, end64 + 40, huge), /its directory of Infinity bytes/);
    refused(overwritten(file, end64 + 48, huge), /at byte Infinity reaches past its end record/);
  });

  test('that are compressed have nothing to explode: they are not inflated', () => {
    // 1,032 to 1 is the most that deflate packs; the sizes below would be 4 GB.
    refused(
      withItem('m/data.pkl', { method: 8, size: 0xffff_fffe }),
      /"m\/data\.pkl" is compressed \(method 8\)/,
    );
    refused(
      withItem('m/data/0', { method: 8, size: 0xffff_fffe }),
      /"m\/data\/0" is compressed \(method 8\)/,
    );
    refused(withItem('m/data/0', { flags: 1 }), /"m\/data\/0" is encrypted/);
  });

  test('may have names that would be dangerous as paths: they are only keys', () => {
    const names = ['../../evil', '/etc/passwd', 'C:\\evil', 'm\\..\\evil', '__proto__', 'constructor', ''];
    const file = zipOf([...archiveItems(W), ...names.map((name) => ({ name, bytes: SIX }))]);
    assert.equal(readPytorch(file, 'm.pt').tensors.size, 1);
    const climbing = pickle(dict({ w: tensor({ key: '../../../etc/passwd', size: [6], stride: [1] }) }));
    refused(archiveOf(climbing), /the archive has no entry "m\/data\/\.\.\/\.\.\/\.\.\/etc\/passwd"/);
    refused(zipOf([{ name: 'x'.repeat(2000), bytes: SIX }]), /a name of 2000 bytes; at most 1024/);
  });

  test('without a pickle say what they are', () => {
    const holding = (...names: string[]) => zipOf(names.map((name) => ({ name, bytes: SIX })));
    refused(holding('config.json', 'model.weights.h5'), /a Keras model \(\.keras\), .*tf2onnx/);
    refused(holding('w.npy'), /an archive of NumPy arrays/);
    refused(
      holding('word/document.xml'),
      /expected an entry data\.pkl, found "word\/document\.xml"; give a file of torch\.save/,
    );
    refused(zipOf([]), /found no entries/);
  });

  test('with other checksums come in, with a notice: PyTorch itself does not check them', () => {
    const { tensors, notices } = readPytorch(withItem('m/data/0', { checksum: 5 }), 'm.pt');
    assert.equal(tensors.size, 1);
    assert.match(notices.join(), /^the checksums of 1 parts of the file do not match/);
  });

  test('from big-endian machines are refused', () => {
    const order = { name: 'm/byteorder', bytes: new TextEncoder().encode('big') };
    refused(zipOf([...archiveItems(W), order]), /its byte order is "big", only "little" is read/);
  });
});

describe('tensors', () => {
  test('outside of their storage are refused', () => {
    refused(
      oneTensor({ size: [7], stride: [1] }),
      /tensor "w": shape \[7\] with strides \[1\] .* reaches element 6, but its storage has 6/,
    );
    refused(oneTensor({ size: [2, 3], stride: [4, 1] }), /reaches element 6/);
    refused(oneTensor({ size: [3], stride: [1], offset: 4 }), /from element 4 reaches element 6/);
    refused(oneTensor({ size: [2], stride: [0x7fff_ffff] }), /reaches element 2147483647/);
    refused(oneTensor({ size: [2, 2], stride: [2, 1], offset: 0x7fff_ffff }), /from element 2147483647/);
    refused(
      oneTensor({ size: [1], stride: [1], count: 1000 }),
      /should have 1000 elements of 4 bytes, but the file holds 24/,
    );
    refused(
      oneTensor({ size: [4], stride: [1], count: 4, className: 'DoubleStorage' }),
      /4 elements of 8 bytes/,
    );
    refused(oneTensor({ size: [1], stride: [1], key: '7' }), /no entry "m\/data\/7"/);
  });

  test('with negative or wrong sizes are refused', () => {
    refused(
      oneTensor({ size: [-1], stride: [1] }),
      /size: expected a whole number from 0, found the number -1/,
    );
    refused(
      oneTensor({ size: [2], stride: [-1] }),
      /stride: expected a whole number from 0, found the number -1/,
    );
    refused(oneTensor({ size: [2], stride: [1], offset: -8 }), /storage_offset: expected a whole number/);
    refused(oneTensor({ size: [2, 3], stride: [1] }), /2 sizes, but 1 strides/);
    const ones = new Array(17).fill(1);
    refused(oneTensor({ size: ones, stride: ones }), /17 dimensions; at most 16/);
  });

  test('that repeat elements cannot be larger than the file', () => {
    const small = readPytorch(oneTensor({ size: [2, 3], stride: [0, 1] }), 'm.pt').tensors.get('w');
    assert.deepEqual([...(small?.data ?? [])], [1, 2, 3, 1, 2, 3]);
    refused(
      oneTensor({ size: [20_000, 20_000], stride: [0, 0] }),
      /400000000 elements, more than the file has bytes/,
    );
    const huge = new Array(16).fill(0x7fff_ffff);
    refused(oneTensor({ size: huge, stride: new Array(16).fill(0) }), /more than the file has bytes/);
    // Many tensors on one storage, each of them small enough.
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`w${i}`, tensor({ size: [2000, 3], stride: [0, 1] })]),
    );
    refused(archiveOf(pickle(dict(many))), /more than the file has bytes/);
  });

  test('without elements need no storage behind their strides', () => {
    const { tensors } = readPytorch(oneTensor({ size: [0, 5], stride: [5, 1], offset: 6 }), 'm.pt');
    assert.deepEqual(tensors.get('w'), { shape: [0, 5], data: new Float32Array() });
  });
});

describe('the older form', () => {
  const good = interopFile('torch211/last_uni.legacy.pt');
  /** The pickles end here: the first storage's number of elements follows. */
  const storages = 927;

  test('with storages that lie is refused', () => {
    refused(
      overwritten(good, storages, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
      /has 9223372036854775807 elements of 4 bytes, but \d+ bytes follow/,
    );
    refused(
      overwritten(good, storages, [0, 0, 0, 0, 0, 0, 0, 0]),
      /storage ".*" has \d+ elements|does not fit|behind the last|should have/,
    );
    refused(new Uint8Array([...good, 0]), /1 bytes behind the last storage belong to no tensor/);
    refused(good.subarray(0, -1), /the file is cut short/);
  });

  test('of another version or machine is refused', () => {
    refused(
      overwritten(good, 18, [0xea]),
      /version the number 1002 of torch\.save's older form, expected 1001/,
    );
    refused(overwritten(good, 73, [0x89]), /from a big-endian machine/);
  });
});

describe('damaged files of every form give one line or a model', () => {
  const FILES = ['state_dict.pt', 'legacy.pt', 'checkpoint.pt', 'whole.pt', 'script.pt', 'pt2'];

  /** A model or a UserError of one line; anything else fails. */
  function tried(file: Uint8Array): boolean {
    try {
      readPytorch(file, 'm.pt');
      return true;
    } catch (error) {
      assert.ok(error instanceof UserError, error instanceof Error ? error.stack : String(error));
      assert.match(error.message, /^m\.pt: [^\n\r]{1,1500}$/);
      return false;
    }
  }

  for (const kind of FILES) {
    const good = interopFile(`torch211/last_uni.${kind}`);

    test(`${kind}, cut`, () => {
      for (let length = 0; length < good.length; length += length < 1500 ? 7 : 997) {
        assert.equal(tried(good.subarray(0, length)), false, `${length} bytes`);
      }
    });

    test(`${kind}, with flipped bits`, () => {
      const outcomes = { model: 0, refused: 0 };
      for (let at = 0; at < good.length; at += at < 2500 || at > good.length - 2500 ? 11 : 997) {
        outcomes[tried(overwritten(good, at, [good[at] ^ (1 << (at % 8))])) ? 'model' : 'refused']++;
      }
      assert.ok(outcomes.model > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
    });

    if (kind === 'legacy.pt' || kind === 'pt2') continue;
    test(`${kind}, with its pickle cut or flipped within a good archive`, () => {
      let length = 0;
      withEntry(good, '/data.pkl', (bytes) => {
        length = bytes.length;
        return bytes;
      });
      for (let at = 0; at < length; at += 3) {
        assert.equal(tried(withEntry(good, '/data.pkl', (bytes) => bytes.subarray(0, at))), false);
        tried(withEntry(good, '/data.pkl', (bytes) => overwritten(bytes, at, [bytes[at] ^ (1 << (at % 8))])));
      }
    });
  }
});
