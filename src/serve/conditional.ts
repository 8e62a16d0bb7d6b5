/** Which form of a file a client takes, and whether it has the file already (RFC 9110, 12.5.3 and 13.1.2). */

/** @param accepted the header `Accept-Encoding` */
export function takesGzip(accepted: string | string[] | undefined): boolean {
  return String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.split(';').map((part) => part.trim()))
    .some(
      ([coding, ...parameters]) => coding === 'gzip' && !parameters.some((each) => /^q=0(\.0*)?$/.test(each)),
    );
}

/**
 * Whether a client has a version of a file. Versions are compared as weak ones, also after a proxy that compresses.
 * @param known the header `If-None-Match`
 * @param etag of the file, without a comma in it
 */
export function hasVersion(known: string | undefined, etag: string): boolean {
  const tags = (known ?? '').split(',').map((each) => each.trim());
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}
