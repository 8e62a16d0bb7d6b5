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
    cwd?: string;
    onStart?: (child: ChildProcess) => void;
    onError?: (text: string, child: ChildProcess) => void;
  } = {},
): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', ...options.env };
  const child = spawn(process.execPath, [...(options.node ?? []), COMMAND, ...args], {
    env,
    cwd: options.cwd,
  });
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

/** Starts `scanstroke serve` in a folder, on any port. `close` ends it. */
export async function serveIn(
  cwd: string,
  args: string[] = [],
): Promise<{ url: string; close: () => Promise<void> }> {
  const all = [COMMAND, 'serve', ...args, '--port', '0', '--threads', '1', '--json'];
  const child = spawn(process.execPath, all, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let errors = '';
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  let text = '';
  for await (const piece of child.stdout) {
    text += piece;
    if (text.includes('}')) break;
  }
  if (!text.includes('}')) throw new Error(`serve ended: ${errors}`);
  const { url } = JSON.parse(text) as { url: string };
  const close = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url, close };
}
