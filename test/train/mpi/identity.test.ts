/** Protects the comparison of ranks: whatever would change bits is refused, with the ranks and both values. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Identity, identityOf, refuseMixture } from '#src/train/mpi/identity.js';
import { loadRunData } from '#src/train/run/run-plan.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';

const own: Identity = {
  version: '1.0.0',
  node: 'v20.10.0',
  arch: 'x64',
  backend: 'cpu (AVX2 + FMA)',
  data: 'a'.repeat(64),
};
const nameOf = (rank: number) => `rank ${rank} on node${rank}`;

test('ranks that are alike are accepted', () => {
  refuseMixture(own, new Map([[1, own]]), nameOf);
});

test('every difference is refused by name', () => {
  const others: [Partial<Identity>, RegExp][] = [
    [{ version: '1.0.1' }, /rank 0 on node0 has scanstroke 1\.0\.0, rank 2 on node2 has 1\.0\.1; install/],
    [{ node: 'v22.0.0' }, /has Node\.js v20\.10\.0, rank 2 on node2 has v22\.0\.0; install/],
    [{ arch: 'arm64' }, /processor of the kind x64, rank 2 on node2 has arm64/],
    [
      { backend: 'cpu (AVX-512)' },
      /the backend cpu \(AVX2 \+ FMA\), rank 2 on node2 has cpu \(AVX-512\); choose one/,
    ],
    [{ data: 'b'.repeat(64) }, /data with the hash aaaaaaaaaaaa…, rank 2 on node2 has bbbbbbbbbbbb…; give/],
  ];
  for (const [difference, message] of others) {
    const ranks = new Map([1, 2].map((rank) => [rank, rank === 2 ? { ...own, ...difference } : own]));
    assert.throws(() => refuseMixture(own, ranks, nameOf), { name: 'UserError', message });
  }
});

test('the hash of the data depends on every pixel and label', async () => {
  const folder = temporaryFolder();
  const dataset = await loadRunData(smallConfig(writeSmallMnist(folder, 30, 10), folder));
  assert.ok(dataset.kind === 'images');
  const { data } = identityOf(dataset, 'cpu');
  assert.match(data, /^[0-9a-f]{64}$/);
  for (const bytes of [dataset.train.pixels, dataset.train.labels, dataset.test.pixels]) {
    bytes[bytes.length - 1] ^= 1;
    assert.notEqual(identityOf(dataset, 'cpu').data, data);
    bytes[bytes.length - 1] ^= 1;
  }
  assert.equal(identityOf(dataset, 'cpu').data, data);
});
