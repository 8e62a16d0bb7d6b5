/** The line that explains a user's mistake. */
import { snakeCase } from '../formats/key-case.js';
import { inOneLine } from '../formats/quotation.js';
import type { UserError } from '../user-error.js';

/** One line: the message, and the flags of the settings that it speaks of. */
export function messageWithFlags({ message, settings }: UserError): string {
  const flags = settings.map((name) => `--${snakeCase(name).replaceAll('_', '-')}`);
  return inOneLine(message) + (flags.length > 0 ? ` (${flags.join(', ')})` : '');
}
