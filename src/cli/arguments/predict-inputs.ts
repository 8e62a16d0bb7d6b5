/**
 * Reads the files that `scanstroke predict` recognises, and answers them. A file that cannot be read, or cannot be
 * recognised by this network, does not keep the others from being answered.
 */
import { inOneLine } from '../../formats/quotation.js';
import { type NamedInput, readInputs } from '../../recognize/input-files.js';
import { UserError } from '../../user-error.js';
import type { Terminal } from '../terminal/terminal.js';

/** An input and its answer. */
export interface Answered<Answer> extends NamedInput {
  answer: Answer;
}

/** A file without an answer. */
export interface FailedFile {
  file: string;
  error: string;
}

/**
 * Answers the inputs of files, in the files' order. Failed files are said on standard error, and the exit code becomes 2.
 *
 * @param channels 3 if the network reads colours
 * @param prepare makes a network's input, or throws UserError for what it cannot read
 * @param answer answers all prepared inputs at once
 * @throws UserError if a single file fails, or all for the same reason
 */
export async function answerFiles<Prepared, Answer>(
  files: readonly string[],
  channels: number,
  prepare: (input: NamedInput['input']) => Prepared | Promise<Prepared>,
  answer: (prepared: Prepared[]) => Promise<Answer[]>,
  terminal: Terminal,
): Promise<(Answered<Answer> | FailedFile)[]> {
  const read: ({ named: NamedInput; prepared: Prepared } | FailedFile)[] = [];
  for (const file of files) {
    try {
      const ready: { named: NamedInput; prepared: Prepared }[] = [];
      for (const named of await readInputs(file, channels)) {
        ready.push({ named, prepared: await prepare(named.input) });
      }
      // Not spread into push: a file may hold more inputs than a function takes arguments.
      for (const each of ready) read.push(each);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      read.push({ file, error: error.message });
    }
  }
  const failed = read.filter((each) => 'error' in each);
  const [first] = failed;
  if (failed.length === files.length && failed.every(({ error }) => error === first.error)) {
    throw new UserError(first.error);
  }
  for (const { error } of failed) terminal.err.write(`scanstroke: ${inOneLine(error)}\n`);
  if (failed.length > 0) process.exitCode = 2;
  const ready = read.filter((each) => 'named' in each);
  const answers = await answer(ready.map(({ prepared }) => prepared));
  let next = 0;
  return read.map((each) => ('error' in each ? each : { ...each.named, answer: answers[next++] }));
}
