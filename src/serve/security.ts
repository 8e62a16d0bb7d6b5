/**
 * Security headers, and the checks of the headers Host and Origin. The headers make the page cross-origin isolated, so that it may
 * use threads, and forbid content of other origins.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { quote } from '../formats/quotation.js';
import { UserError } from '../user-error.js';

/** Sent with every answer. */
export const SECURITY_HEADERS: Record<string, string> = {
  'content-security-policy': [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

/**
 * The address to listen on: without the brackets of an IPv6 address in a URL.
 * @throws UserError for an empty name, which would mean all addresses
 */
export function readHost(given: string): string {
  const host = given.trim().replace(/^\[(.*)\]$/, '$1');
  if (host !== '' && !/\s/.test(host)) return host;
  throw new UserError(
    `serve: --host must be an address or a name, found ${quote(given, 60)}; use 127.0.0.1, or 0.0.0.0 for all addresses of this machine`,
  );
}

/** As URLs have them, in which an IPv6 address has one spelling. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/;

/**
 * A host as URLs have it; null for what is none.
 * @param host a name or an address, without a port; an IPv6 address with brackets or without
 */
function hostnameOf(host: string): string | null {
  const url = `http://${/^[^[].*:/.test(host) ? `[${host}]` : host}`;
  // A host has no user, path, query and fragment.
  return /^[^\s/?#@\\]+$/.test(host) && URL.canParse(url) ? new URL(url).hostname : null;
}

/** What a server listens on. */
export interface Listening {
  /** The value of `--host`. */
  host: string;
  /** The address that the system has made of it; null if unknown. */
  address: string | null;
}

/**
 * Whether a request's Host header is allowed. A server on a loopback address accepts only loopback names and the name
 * that `--host` gives: a web page whose own name resolves to 127.0.0.1 (DNS rebinding) sends that name in `Host`.
 */
export function isMeant(hostHeader: string | undefined, { host, address }: Listening): boolean {
  if (!LOOPBACK.test(hostnameOf(address ?? host) ?? '')) return true;
  const name = hostnameOf(hostHeader?.replace(/:\d+$/, '') ?? '');
  return name !== null && (LOOPBACK.test(name) || name === hostnameOf(host));
}

/**
 * What a request says about the web page that sent it, if it is a page of another server; null if not. Browsers send
 * `Origin` with every POST, and `Sec-Fetch-Site` also where there is no `Origin`: images, scripts, links. Other programs
 * send neither.
 */
export function foreignPage(headers: IncomingHttpHeaders): string | null {
  const { origin, host = '' } = headers;
  if (origin !== undefined && !isSameHost(origin, host)) return `Origin ${quote(origin)}`;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return null;
  return `Sec-Fetch-Site ${quote(String(site))}`;
}

/** Whether an origin has the host and port of a Host header. The origin `null` has none. */
function isSameHost(origin: string, host: string): boolean {
  if (!/^https?:\/\//i.test(origin)) return false;
  const [scheme] = origin.split('//');
  const [from, to] = [origin, `${scheme}//${host}`].map((url) =>
    URL.canParse(url) ? new URL(url).host : null,
  );
  return from !== null && from === to;
}
