#!/usr/bin/env node
/**
 * The entry point of the command line: arguments and streams of the process. Exit codes: 0 success, 1 a bug in
 * scanstroke, 2 a user's mistake, 130 interrupted.
 */
import { explainFileError } from '../formats/files.js';
import { run } from './program.js';
import type { Terminal } from './terminal.js';

/** The reader of our output has closed it (`scanstroke … | head`), or the terminal was closed: the command goes on. */
const READER_GONE = ['EPIPE', 'EIO', 'ENXIO', 'ENOTCONN', 'ECONNRESET'];

/** The exit code tells that a stream cannot be written; the command goes on. */
function streamFailed(name: string, error: NodeJS.ErrnoException): void {
  if (READER_GONE.includes(error.code ?? '')) return;
  process.exitCode = 2;
  if (name === 'standard error') return;
  const explained = explainFileError('write', name, error);
  process.stderr.write(`scanstroke: ${explained instanceof Error ? explained.message : explained}\n`);
}

process.stdout.once('error', (error) => streamFailed('standard output', error)).on('error', () => {});
process.stderr.on('error', (error) => streamFailed('standard error', error));

const terminal: Terminal = { out: process.stdout, err: process.stderr };
run(process.argv.slice(2), terminal).then((code) => {
  if (code !== 0) process.exitCode = code;
});
