/** Text in files of users, which must be UTF-8. */
import { UserError } from '../../user-error.js';

/**
 * Decodes text, without a byte order mark at its beginning. Text in another encoding is refused, not guessed: every
 * byte means something in each of a hundred code pages, and with letters that are replaced two classes become one.
 * @param where how messages name the text
 * @param wayOut ends the message
 * @throws UserError if it is not UTF-8
 */
export function utf8Text(
  bytes: Uint8Array,
  where: string,
  wayOut = 'save it as UTF-8, from Excel as “CSV UTF-8”',
): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`${where}: expected text in UTF-8, found another encoding; ${wayOut}`);
  }
}
