/**
 * Reads a configuration file, YAML or JSON (a subset of YAML), as flat pairs of key and value with their lines.
 * run-config.ts interprets the keys. The file is not trusted: its size is bounded; aliases, tags and several documents
 * are refused.
 */
import { isMap, isNode, isScalar, Lexer, LineCounter, parseDocument, visit } from 'yaml';
import { readFileBounded } from '../../formats/read-files.js';
import { UserError } from '../../user-error.js';

export interface ConfigFile {
  path: string;
  entries: ReadonlyMap<string, ConfigEntry>;
}
export interface ConfigEntry {
  value: unknown;
  /** The line of the key, from 1. */
  line: number;
}

/** Several times the size of a file that sets and comments every option. */
const MAX_CONFIG_BYTES = 64 * 1024;
/**
 * Maximum number of structural tokens (`key:`, brackets, dashes, anchors, tags): several per option. Every level of
 * nesting has such a token, and deep nesting can overflow the parser's stack and end the process. So the tokens are
 * counted before the text is parsed.
 */
const MAX_TOKENS = 300;
const STRUCTURAL_TOKEN = /^[[{?:&*!-]/;

/**
 * Reads the configuration file at `path`.
 *
 * @throws UserError if the file does not exist, is longer than 64 KiB, is not UTF-8, is not a YAML mapping, or contains
 * an alias, a tag or a duplicate key
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  return parseConfigFile(
    path,
    decode(path, await readFileBounded(path, 'the configuration', MAX_CONFIG_BYTES)),
  );
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`train: ${path}: the file is not UTF-8 text; give a YAML or JSON file`);
  }
}

/** Parses the text of a configuration file. @param path for the messages */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const refuse = (reason: string): never => {
    throw new UserError(`train: ${path}: ${reason}`);
  };
  const lines = new LineCounter();
  const lineOf = (node: unknown) => lines.linePos((isNode(node) && node.range?.[0]) || 0).line;

  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (STRUCTURAL_TOKEN.test(lexeme) && ++tokens > MAX_TOKENS) {
      refuse(`more than ${MAX_TOKENS} structural tokens; write a flat list of options`);
    }
  }
  const document = parseDocument(text, { schema: 'core', stringKeys: true, lineCounter: lines });
  const problem = document.errors[0] ?? document.warnings[0];
  const at = `line ${problem?.linePos?.[0].line ?? 1}: `;
  // The parser's own words for these are written for programmers.
  if (problem?.code === 'MULTIPLE_DOCS') refuse(`${at}a second document begins here (---); keep one`);
  if (problem?.code === 'NON_STRING_KEY') refuse(`${at}the name of an option is expected, not a value`);
  if (problem) refuse(`not a valid YAML or JSON file: ${problem.message.split('\n')[0].replace(/:$/, '')}`);
  visit(document, {
    Alias: (_, node) =>
      refuse(`line ${lineOf(node)}: aliases are not accepted (*${node.source}); write the value itself`),
  });
  const { contents } = document;

  if (contents === null) return { path, entries: new Map() };
  if (!isMap(contents))
    return refuse('expected a mapping with one option per line, such as `hidden_size: 128`');
  const entries = new Map<string, ConfigEntry>();
  for (const { key, value } of contents.items) {
    const name = isScalar(key) ? String(key.value) : '';
    entries.set(name, { value: plain(value), line: lineOf(key) });
  }
  return { path, entries };
}

/** Converts a node to a plain value. Aliases have been refused before. */
function plain(node: unknown): unknown {
  return isNode(node) ? node.toJSON() : null;
}
