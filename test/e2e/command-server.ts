/**
 * A child process of tests: runs the command line in its own process, one case after another, because starting Node.js
 * for each would take most of the time. Receives the cases as messages, and answers each with its outcome.
 */
import { run } from '#src/cli/program.js';
import { FakeOutput } from '../cli/commands/fake-run.js';

export interface Case {
  args: string[];
  env?: Record<string, string>;
}

export interface CaseOutcome {
  code: number;
  stdout: string;
  stderr: string;
}

process.on('message', async ({ args, env = {} }: Case) => {
  const [out, err] = [new FakeOutput(), new FakeOutput()];
  const before = { ...process.env };
  Object.assign(process.env, env);
  const code = await run(args, { out, err });
  process.env = before;
  process.send?.({ code, stdout: out.text, stderr: err.text } satisfies CaseOutcome);
});
