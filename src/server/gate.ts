// Decides on an HTTP request before anything else looks at it: Host, Origin, token. Pure functions, main thread.
import { createHash, timingSafeEqual } from 'node:crypto';
import { DaemonError } from '../errors.js';
import { formatHost, isLoopback, isWildcard } from './listen-address.js';
import type { ListenAddress } from './listen-address.js';

/** What is known of a request before its body: `headers` by lower-case name, every value as sent (`headersDistinct`). */
export interface GateRequest {
  /** An upgrade is never a health check, whatever its path. */
  kind: 'plain' | 'upgrade';
  method: string;
  url: string;
  headers: NodeJS.Dict<string[]>;
}

export interface GatePolicy {
  /** Lower-case values of the Host header that are accepted. */
  hosts: ReadonlySet<string>;
  /** Origins that are accepted, compared exactly. */
  origins: ReadonlySet<string>;
  auth: { mode: 'none' } | { mode: 'token'; token: string };
}

export type GateReason =
  | 'host_not_allowed'
  | 'origin_not_allowed'
  | 'missing_token'
  | 'invalid_token'
  | 'invalid_authorization_header'
  | 'invalid_request_target';

export interface GateRefusal {
  ok: false;
  status: 400 | 401 | 403;
  reason: GateReason;
  /** JSON for the client; it repeats nothing of the request. */
  body: { error: GateReason; message: string };
}

export type GateDecision = { ok: true } | GateRefusal;

const STATUS_AND_MESSAGE: Record<GateReason, [GateRefusal['status'], string]> = {
  host_not_allowed: [
    403,
    'The Host header names no address of this daemon. Connect by 127.0.0.1, [::1] or localhost and its port, or add the host to the allowed hosts.',
  ],
  origin_not_allowed: [403, 'Web pages may not connect unless their origin is on the list of allowed origins.'],
  missing_token: [
    401,
    "Send the daemon's token as 'Authorization: Bearer TOKEN'. It is in the file rolloutd/token of the daemon's home.",
  ],
  invalid_token: [401, "This is not the daemon's token. It is in the file rolloutd/token of the daemon's home."],
  invalid_authorization_header: [401, "The Authorization header must be 'Bearer TOKEN'."],
  invalid_request_target: [400, 'The request target must be a path.'],
};

function refuse(reason: GateReason): GateRefusal {
  const [status, message] = STATUS_AND_MESSAGE[reason];
  return { ok: false, status, reason, body: { error: reason, message } };
}

/**
 * The verdict on one request, in this order: Host, Origin, target, token. Everything needs the token but a plain GET or
 * HEAD of a health path; nothing but the Authorization header carries it. Never throws.
 */
export function checkRequest(request: GateRequest, policy: GatePolicy): GateDecision {
  const hosts = request.headers['host'] ?? [];
  if (hosts.length !== 1 || !policy.hosts.has(hosts[0]!.toLowerCase())) return refuse('host_not_allowed');
  const origins = request.headers['origin'] ?? [];
  if (origins.length > 1 || origins.some((origin) => !policy.origins.has(origin))) return refuse('origin_not_allowed');
  if (!request.url.startsWith('/')) return refuse('invalid_request_target');
  if (healthCheckOf(request) !== null || policy.auth.mode === 'none') return { ok: true };
  return checkToken(request.headers['authorization'] ?? [], policy.auth.token);
}

/** Which health question this request asks, or null. */
export function healthCheckOf(request: GateRequest): 'alive' | 'ready' | null {
  if (request.kind !== 'plain' || (request.method !== 'GET' && request.method !== 'HEAD')) return null;
  const path = request.url.split('?', 1)[0];
  return path === '/healthz' ? 'alive' : path === '/readyz' ? 'ready' : null;
}

function checkToken(values: string[], token: string): GateDecision {
  if (values.length === 0) return refuse('missing_token');
  const offered = values.length === 1 ? /^bearer +(\S+)$/i.exec(values[0]!.trim())?.[1] : undefined;
  if (offered === undefined) return refuse('invalid_authorization_header');
  return token !== '' && timingSafeEqual(digest(offered), digest(token)) ? { ok: true } : refuse('invalid_token');
}

/** Equal lengths for timingSafeEqual, so that not even the token's length shows. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export interface GateSettings {
  /** With the port that was really bound. */
  address: ListenAddress;
  authMode: 'token' | 'none';
  token: string | null;
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
}

/**
 * Turns settings into a policy. Throws config_invalid for what would leave the door open: no token in token mode, no
 * authentication beyond loopback, an origin that stands for many.
 */
export function makeGatePolicy(settings: GateSettings): GatePolicy {
  const { address, token } = settings;
  if (settings.authMode === 'none' && !isLoopback(address.ip)) {
    throw new DaemonError(
      'config_invalid',
      `refusing to listen on ${address.ip} without authentication: others could reach it. Leave --ws-auth at token, or listen on 127.0.0.1`,
    );
  }
  if (settings.authMode === 'token' && !token)
    throw new DaemonError('config_invalid', 'there is no token to check against');
  for (const origin of settings.allowedOrigins) {
    if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/*,]+$/.test(origin)) {
      throw new DaemonError('config_invalid', `'${origin}' is no exact origin, as http://localhost:3000 is`);
    }
  }
  return {
    hosts: new Set(hostValues(address, settings.allowedHosts).map((host) => host.toLowerCase())),
    origins: new Set(settings.allowedOrigins),
    auth: settings.authMode === 'none' ? { mode: 'none' } : { mode: 'token', token: token! },
  };
}

function hostValues(address: ListenAddress, allowedHosts: readonly string[]): string[] {
  const { ip, port } = address;
  const names = ['127.0.0.1', 'localhost', '[::1]'];
  const values = names.map((name) => `${name}:${port}`);
  // A literal address cannot be rebound by a name service.
  if (!isWildcard(ip)) values.push(formatHost(address));
  // Clients leave out the scheme's default port.
  if (port === 80) values.push(...values.map((value) => value.replace(/:80$/, '')));
  for (const host of allowedHosts) {
    values.push(host);
    if (!/:\d+$/.test(host)) values.push(`${host}:${port}`);
  }
  return values;
}
