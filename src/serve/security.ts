/**
 * Security headers, and the check of the Host header. The headers make the page cross-origin isolated, so that it may
 * use threads, and forbid content of other origins.
 */

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

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Whether a request's Host header is allowed. A server on the loopback address accepts only loopback names: a web page
 * whose own name resolves to 127.0.0.1 (DNS rebinding) sends that name in `Host`.
 */
export function isMeant(hostHeader: string | undefined, listeningOn: string): boolean {
  if (!isLoopback(listeningOn)) return true;
  if (hostHeader === undefined) return false;
  return isLoopback(hostHeader.replace(/:\d+$/, ''));
}
