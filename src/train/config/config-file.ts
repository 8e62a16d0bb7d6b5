/**
 * Reads a configuration file, YAML or JSON (which is YAML too), as flat pairs of key and value with their lines.
 * What the keys mean is config.ts's business. The file may come from anyone: its size is bounded, aliases, tags and
 * anything that is not one plain document are refused.
 */
import { isMap, isScalar, Lexer, LineCounter, parseDocument, visit, type YAMLMap } from 'yaml';
import { readFileBounded } from '../../formats/files.js';
import { UserError } from '../../user-error.js';

export interface ConfigFile {
  path: string;
  entries: ReadonlyMap<string, ConfigEntry>;
}
export interface ConfigEntry {
  value: unknown;
  /** From 1. */
  line: number;
}

/** Far more than every option with a comment needs. */
const SIZE_LIMIT = 64 * 1024;
/**
 * The marks of structure (`key:`, brackets, dashes, anchors, tags) that a file may have: several for every option.
 * What nests has such a mark at each level, and deep nesting exhausts the parser's stack in a way that can end the
 * process, so they are counted before it sees the text.
 */
const MARK_LIMIT = 300;
const MARKS = /^[[{?:&*!-]/;

/**
 * Reads `path`. Throws UserError if there is no such file, or if it is longer than 64 KiB, not UTF-8, not YAML, not
 * a mapping, or holds an alias, a tag or a key twice.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  return parseConfigFile(path, decode(path, await readFileBounded(path, 'the configuration', SIZE_LIMIT)));
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`train: ${path}: not UTF-8 text; is it a configuration file?`);
  }
}

/** The same from text; `path` is for the messages. */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const refuse = (reason: string): never => {
    throw new UserError(`train: ${path}: ${reason}`);
  };
  const lines = new LineCounter();
  const lineOf = (node: unknown) =>
    lines.linePos((node as { range?: [number] } | null)?.range?.[0] ?? 0).line;

  let marks = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (MARKS.test(lexeme) && ++marks > MARK_LIMIT) refuse('too much structure for a flat list of options');
  }
  const document = parseDocument(text, { schema: 'core', stringKeys: true, lineCounter: lines });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) refuse(`not a valid YAML or JSON file: ${problem.message.split('\n')[0].replace(/:$/, '')}`);
  visit(document, {
    Alias: (_, node) => refuse(`line ${lineOf(node)}: an alias, *${node.source}; write the value itself`),
  });
  const { contents } = document;

  if (contents === null) return { path, entries: new Map() };
  if (!isMap(contents)) refuse('expected a mapping such as `hidden_size: 128`, a line an option');
  const entries = new Map<string, ConfigEntry>();
  for (const { key, value } of (contents as YAMLMap).items) {
    const name = isScalar(key) ? String(key.value) : '';
    entries.set(name, { value: plain(value), line: lineOf(key) });
  }
  return { path, entries };
}

/** A node as a plain value. Aliases are refused before. */
function plain(node: unknown): unknown {
  return node === null ? null : (node as YAMLMap).toJSON();
}
