#!/usr/bin/env node
/**
 * The entry point of the command line: arguments and streams of the process. Exit codes: 0 success, 1 a bug in
 * scanstroke, 2 a user's mistake, 130 interrupted.
 */
import { explainFileError } from '../formats/file-errors.js';
import { run } from './program.js';
import type { Output, Terminal } from './terminal/terminal.js';

/** The reader of our output has closed it (`scanstroke … | head`), or the terminal was closed: the command goes on. */
const READER_GONE = ['EPIPE', 'EIO', 'ENXIO', 'ENOTCONN', 'ECONNRESET'];

/** A stream cannot be written. The command goes on; the exit code tells. */
function streamFailed(stream: Output, name: string, error: NodeJS.ErrnoException): void {
  if (READER_GONE.includes(error.code ?? '')) {
    endWithoutTerminal(stream);
    return;
  }
  process.exitCode = 2;
  if (name === 'standard error') return;
  const explained = explainFileError('write', name, error);
  process.stderr.write(`scanstroke: ${explained instanceof Error ? explained.message : explained}\n`);
}

let isEnding = false;

/** When its terminal is gone, Node.js aborts at its end: it cannot reset the terminal. The signal comes before that. */
function endWithoutTerminal({ isTTY }: Output): void {
  if (!isTTY || isEnding) return;
  isEnding = true;
  process.on('exit', () => process.kill(process.pid, 'SIGHUP'));
}

process.stdout
  .once('error', (error) => streamFailed(process.stdout, 'standard output', error))
  .on('error', () => {});
process.stderr.on('error', (error) => streamFailed(process.stderr, 'standard error', error));

const terminal: Terminal = { out: process.stdout, err: process.stderr };
run(process.argv.slice(2), terminal).then((code) => {
  if (code !== 0) process.exitCode = code;
});
