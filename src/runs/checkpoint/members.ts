/**
 * The members of a merged network: the networks whose logits it averages (model/merge.ts). The checkpoint of a merged
 * network names them. Each was trained on a split of its own, so the validation samples of one are training samples of
 * others: on a merged network only the test samples are unseen.
 */
import { list, nullable, readAs, record, refined, textUpTo } from '../../formats/shape.js';

/** A network that is part of a merged one. */
export interface MergedMember {
  /** The name of its run, or of its checkpoint's file. */
  name: string;
  /** SHA-256 of its checkpoint's file, in hexadecimal digits; null where it could not be computed. */
  sha256: string | null;
}

/** Limit for the members of a network; each has a hidden unit at least. */
const MAX_MEMBERS = 2 ** 14;
const MAX_NAME_LENGTH = 1000;

const members = refined(
  list(
    record<MergedMember>({ name: textUpTo(MAX_NAME_LENGTH), sha256: nullable(textUpTo(64)) }),
    MAX_MEMBERS,
  ),
  'a list of at least two',
  ({ length }) => length >= 2,
);

/**
 * The members in a checkpoint's metadata.
 * @param where names the value in messages
 * @throws UserError for anything but a list of at least two names and hashes
 */
export function readMembers(value: unknown, where: string): MergedMember[] {
  return readAs(members, value, where);
}
