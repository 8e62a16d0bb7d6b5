/** `scanstroke serve [RUN…]`: serves the page and the HTTP API until Ctrl-C. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, Option as Flag } from 'commander';
import { quote } from '../../formats/quotation.js';
import { RUNS } from '../../runs/run-path.js';
import type { RunningServer } from '../../serve/server.js';
import { UserError } from '../../user-error.js';
import { optionFlag } from '../arguments/flags.js';
import { colorsFor, printJson, type Terminal } from '../terminal/terminal.js';

interface ServeFlags {
  port?: number;
  batch?: number;
  host: string;
  runs: string;
  dataRoot: string[];
  allowTraining?: boolean;
  open?: boolean;
  json?: boolean;
  backend?: string;
  threads?: string;
}

/** Time that threads have to end after the server has closed. */
const LAST_THREAD_MS = 3000;

export function defineServe(command: Command, terminal: Terminal): void {
  command
    .argument(
      '[run...]',
      'run folders, checkpoints or networks of the package to list first (default the newest run, else digits), or one folder of runs; and a project file, which the tab Teach opens',
    )
    .addOption(
      new Flag(
        '--port <n>',
        'port to listen on; 0: any free port (default 7860, or the next free port)',
      ).argParser((text) => readWhole('port', text, 0, 65_535)),
    )
    .option('--host <address>', 'address to listen on (default 127.0.0.1, this machine alone)', '127.0.0.1')
    .option('--runs <folder>', `folder whose runs the page lists (default ${RUNS})`, RUNS)
    .option(
      '--data-root <folder>',
      'folder with data sets of runs that the page may show, beside mnist and strokes; may be repeated (default none)',
      (folder: string, others: string[]) => [...others, folder],
      [],
    )
    .option(
      '--allow-training',
      'let programs that reach the server teach networks of their own drawings, written to the folder of --runs (default off)',
    )
    .option('--open', 'open the page in a browser')
    .addOption(optionFlag('backend'))
    .addOption(new Flag('--threads <n>', 'number of worker threads for recognition (default cores - 1)'))
    .addOption(
      new Flag('--batch <n>', 'maximum number of requests per batch (default 64)').argParser((text) =>
        readWhole('batch', text, 1, 4096),
      ),
    )
    .option('--json', 'print only { url, page, host } as JSON')
    .addHelpText(
      'after',
      `
Examples:
  scanstroke serve                         serve the page with the runs in runs/ and the networks of the package
  scanstroke serve runs/my-run --open      list this network first, open a browser
  scanstroke serve my-symbols.json --open  open a project of the tab Teach again; its network answers, too
  scanstroke serve --data-root my-images   show samples of runs trained with --data my-images
  scanstroke serve --allow-training        let programs send drawings to POST /api/projects/NAME/train
  scanstroke serve --host 0.0.0.0          accept requests from other machines
  curl --data-binary @digit.png -H 'content-type: image/png' http://127.0.0.1:7860/api/predict`,
    )
    .action((given: string[], flags: ServeFlags) => serve(given, flags, terminal));
}

async function serve(given: string[], flags: ServeFlags, terminal: Terminal): Promise<void> {
  const { startServer } = await import('../../serve/server.js');
  const { givenOptions } = await import('../../train/config/run-config.js');
  const { checkFolderOfRuns, shippedRuns } = await import('../../runs/find-runs.js');
  const {
    port = null,
    host,
    runs,
    dataRoot,
    batch,
    allowTraining,
    open = false,
    json = false,
    ...others
  } = flags;
  const { backend = 'auto', threads = null } = givenOptions({ flags: others }, 'serve');
  await checkFolderOfRuns('serve: --runs', runs);
  const { openBackend } = await import('../../backends/open-node.js');
  (await openBackend(backend, (line) => terminal.err.write(`${line}\n`))).close();
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const projects = await projectsAmong(given);
  const server = await startServer({
    given: given.filter((path) => !projects.includes(path)),
    project: projects[0],
    runs,
    shipped: shippedRuns(),
    dataRoots: dataRoot,
    allowTraining,
    host,
    port,
    threads,
    batch,
    backend,
    version,
    page: fileURLToPath(new URL('../../page/', import.meta.url)),
    onDefect: (error) => {
      terminal.err.write(`scanstroke: this is a bug in scanstroke, please report it\n${stackOf(error)}\n`);
    },
  });
  // Whoever has read the address may end the server.
  const end = endOfService(terminal, server.discard);
  tell(server, flags, terminal, json);
  if (open) openInBrowser(server.url, terminal);
  const signal = await end;
  await server.close();
  // A thread that is stuck in a call of the system would keep the process for ever. A second signal ends it all the same.
  setTimeout(() => process.kill(process.pid, signal), LAST_THREAD_MS).unref();
}

/** Those of the arguments that are project files. @throws UserError for more than one */
async function projectsAmong(given: readonly string[]): Promise<string[]> {
  const { lookAt } = await import('../../formats/file-errors.js');
  const { isProjectFile } = await import('../../runs/checkpoint/project-network.js');
  const projects = given.filter((path) => lookAt(path) === 'file' && isProjectFile(path));
  if (projects.length <= 1) return projects;
  throw new UserError(
    `serve: expected one project file at most, found ${projects.length}: ${projects.join(', ')}; open the others in the page`,
  );
}

function tell({ url, page }: RunningServer, { host }: ServeFlags, terminal: Terminal, json: boolean): void {
  if (json) {
    printJson(terminal, { url, page, host });
    return;
  }
  const { bold, dim } = colorsFor(terminal.out);
  const lines = [
    bold(url),
    dim(
      page
        ? 'press Ctrl-C to stop'
        : 'only the API: the page is not built (npm run build); press Ctrl-C to stop',
    ),
  ];
  terminal.out.write(`${lines.join('\n')}\n`);
}

/**
 * Waits for the first Ctrl-C or SIGTERM. A second one exits at once, and so does the loss of the terminal.
 * @param discard removes temporary files; null if there are none
 */
function endOfService(terminal: Terminal, discard: RunningServer['discard']): Promise<NodeJS.Signals> {
  const exitAt = (...signals: NodeJS.Signals[]) => {
    // Without a handler a signal exits by itself, even if this thread is busy.
    if (discard === null) return;
    for (const each of signals) {
      process.once(each, (signal) => {
        discard();
        process.kill(process.pid, signal);
      });
    }
  };
  exitAt('SIGHUP');
  return new Promise((resolve) => {
    const end = (signal: NodeJS.Signals) => {
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
      exitAt('SIGINT', 'SIGTERM');
      terminal.err.write('scanstroke: finishing open requests; press Ctrl-C again to exit at once\n');
      resolve(signal);
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}

function readWhole(flag: string, text: string, from: number, to: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw new UserError(
    `serve: --${flag} must be a whole number from ${from} to ${to}, found ${quote(text, 60)}`,
  );
}

const OPENERS: Partial<Record<NodeJS.Platform, [string, string[]]>> = {
  darwin: ['open', []],
  win32: ['cmd', ['/c', 'start', '""']],
};

function openInBrowser(url: string, terminal: Terminal): void {
  const [program, args] = OPENERS[process.platform] ?? ['xdg-open', []];
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => terminal.err.write(`scanstroke: cannot open a browser; go to ${url}\n`));
  child.unref();
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
