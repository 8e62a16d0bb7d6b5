/** The built command, run as a user runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface Outcome {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs `scanstroke` with arguments; `onError` sees each piece of standard error, and may signal the process. */
export function scanstroke(
  args: string[],
  options: {
    node?: string[];
    env?: Record<string, string>;
    onError?: (text: string, child: ChildProcess) => void;
  } = {},
): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', ...options.env };
  const child = spawn(process.execPath, [...(options.node ?? []), COMMAND, ...args], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
    options.onError?.(String(piece), child);
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
