/**
 * Threefry-2x32 in WGSL: the words of random.ts, bit for bit. A word is a function of key and counter alone, so a
 * thread computes the random numbers that it needs where it needs them.
 */

/** `threefry(key, counter)`: the two words of a block. */
export const THREEFRY = `
fn rotated(word: u32, bits: u32) -> u32 { return (word << bits) | (word >> (32u - bits)); }

fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  const ROTATIONS = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  // The words of the key and their check word, in turn.
  var keys = array<u32, 3>(key.x, key.y, 0x1bd11bdau ^ key.x ^ key.y);
  var x = counter + key;
  for (var round = 0u; round < 20u; round++) {
    x.x += x.y;
    x.y = rotated(x.y, ROTATIONS[round % 8u]) ^ x.x;
    if (round % 4u == 3u) {
      let injection = (round + 1u) / 4u;
      x += vec2u(keys[injection % 3u], keys[(injection + 1u) % 3u] + injection);
    }
  }
  return x;
}
`;
