/**
 * Run by mpirun on two ranks: how fast they exchange bytes through the addon. Rank 0 prints one line of JSON, a
 * `Network` without its name.
 */
import { joinRanks } from '#src/train/mpi/ranks.js';

const BYTES = 2 ** 24;
const TURNS = 9;

const ranks = await joinRanks();
if (ranks?.size !== 2) throw new Error('exchange.js is started by mpirun on two ranks');
const [peer] = ranks.others;
const [out, back] = [
  new Uint8Array(new SharedArrayBuffer(BYTES)),
  new Uint8Array(new SharedArrayBuffer(BYTES)),
];

/** Median of the seconds of an exchange of so many bytes each way. */
async function secondsOf(bytes: number): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn <= TURNS; turn++) {
    const began = performance.now();
    await ranks?.transfer([
      { receives: false, peer, bytes: out.subarray(0, bytes) },
      { receives: true, peer, bytes: back.subarray(0, bytes) },
    ]);
    // The first one makes the connection.
    if (turn > 0) times.push((performance.now() - began) / 1000);
  }
  return times.sort((a, b) => a - b)[(TURNS - 1) / 2];
}

const latency = await secondsOf(8);
const bytesPerSecond = BYTES / ((await secondsOf(BYTES)) - latency);
if (ranks.rank === 0) console.log(JSON.stringify({ bytesPerSecond, latency }));
await ranks.finalize(0);
