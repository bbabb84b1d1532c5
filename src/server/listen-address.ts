// Reads the address to listen on. Pure functions, any thread.
import { isIP } from 'node:net';
import { DaemonError } from '../errors.js';

export interface ListenAddress {
  /** A literal IP address, without brackets. */
  ip: string;
  /** 0 lets the system pick. */
  port: number;
}

/** Reads `ws://IP:PORT`; only literal addresses, so that no name service decides who can connect. Throws config_invalid. */
export function parseListenAddress(listen: string): ListenAddress {
  const match = /^ws:\/\/(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/i.exec(listen);
  const ip = plainForm(match?.[1] ?? match?.[2] ?? '');
  const port = Number(match?.[3]);
  const family = isIP(ip);
  const bracketed = match?.[1] !== undefined;
  if (family === 0 || bracketed !== (family === 6) || ip.includes('%') || port > 65_535) {
    throw new DaemonError(
      'config_invalid',
      `'${listen}' is no address to listen on: write ws://IP:PORT, as ws://127.0.0.1:4517`,
    );
  }
  return { ip, port };
}

/** One spelling for each IPv6 address; anything else as it is. */
function plainForm(ip: string): string {
  return isIP(ip) === 6 && !ip.includes('%') ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}

/** The URL that clients use for this address. */
export function formatUrl(address: ListenAddress): string {
  return `ws://${formatHost(address)}`;
}

/** The value that a client's Host header has for this address. */
export function formatHost({ ip, port }: ListenAddress): string {
  return `${isIP(ip) === 6 ? `[${ip}]` : ip}:${port}`;
}

/** True for addresses that only this machine can reach. */
export function isLoopback(ip: string): boolean {
  if (isIP(ip) === 4) return ip.startsWith('127.');
  return plainForm(ip) === '::1' || /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(plainForm(ip));
}

/** True for the addresses that mean every interface. */
export function isWildcard(ip: string): boolean {
  return ip === '0.0.0.0' || plainForm(ip) === '::';
}
