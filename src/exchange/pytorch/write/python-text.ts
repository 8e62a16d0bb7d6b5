/** Values as Python text. */

/** Letters of a line, where lists are wrapped: PEP 8's limit. */
const LINE_LETTERS = 79;

/** A Python list, in one line if there is room, else wrapped. */
export function list(items: readonly string[]): string {
  const line = `[${items.join(', ')}]`;
  if (line.length <= LINE_LETTERS - 'PERMUTATION = '.length) return line;
  const lines: string[] = [];
  let current = '   ';
  for (const item of items) {
    if (current.length + item.length + 2 > LINE_LETTERS && current.trim() !== '') {
      lines.push(current);
      current = '   ';
    }
    current += ` ${item},`;
  }
  return `[\n${[...lines, current].join('\n')}\n]`;
}

/** A Python float. */
export function float(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** A Python string. Control characters and invisible ones are escaped. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

export function indented(text: string, spaces = 8): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}
