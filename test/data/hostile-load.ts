/** Child process of hostile-files.test.ts: loads each path of its argument, and prints what happened as lines of JSON. */
import { loadDataset } from '#src/data/open-dataset.js';
import { readInputs } from '#src/recognize/input-files.js';
import { readConfigFile } from '#src/train/config/config-file.js';
import { UserError } from '#src/user-error.js';

export interface HostileCase {
  name: string;
  read: 'data' | 'input' | 'config';
  path: string;
  /** In the message. */
  named: string;
}
export interface HostileOutcome {
  name: string;
  message: string;
  isUserError: boolean;
  ms: number;
  /** Growth of the largest size that the process has had. */
  megabytes: number;
}

const READERS: Record<HostileCase['read'], (path: string) => Promise<unknown>> = {
  data: (path) => loadDataset(path, { channelsImg: 1, order: 'tour' }),
  input: (path) => readInputs(path),
  config: readConfigFile,
};

const peak = () => process.resourceUsage().maxRSS / 1024;
for (const { name, read, path } of JSON.parse(process.argv[2]) as HostileCase[]) {
  const [began, before] = [performance.now(), peak()];
  let [message, isUserError] = ['read without an error', false];
  try {
    await READERS[read](path);
  } catch (error) {
    message = String((error as Error).message);
    isUserError = error instanceof UserError;
  }
  const outcome = { name, message, isUserError, ms: performance.now() - began, megabytes: peak() - before };
  process.stdout.write(`${JSON.stringify(outcome satisfies HostileOutcome)}\n`);
}
