/** Numbers in WGSL text. */

/** The float32 nearest to a finite number. */
export function floatLiteral(value: number): string {
  return `${Math.fround(value)}f`;
}
