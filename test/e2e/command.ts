/** Runs the built command in a new process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface Outcome {
  /** Null if a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs `scanstroke` with arguments. @param options.onStart and onError (standard error, in pieces) may send signals */
export function scanstroke(
  args: string[],
  options: {
    node?: string[];
    env?: Record<string, string>;
    onStart?: (child: ChildProcess) => void;
    onError?: (text: string, child: ChildProcess) => void;
  } = {},
): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', ...options.env };
  const child = spawn(process.execPath, [...(options.node ?? []), COMMAND, ...args], { env });
  options.onStart?.(child);
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
