// What a run of disconnects showed, row by row, and what of it must hold. Any thread.
import type { Judgement } from '../../support/judgement.js';
import { REATTACH_KINDS } from './follower.js';
import { FOUND_WITHIN_MS } from './half-open.js';
import type { DisconnectsResult } from './run-disconnects.js';

/**
 * So much more may be held in the end of a long run than half way, when all garbage is gone and all conversations but the last are
 * deleted: with 5,000 disconnects between, 0.4 KB for each. Resident memory says little here, as it follows V8's laziness.
 */
const HELD_GROWTH_MB = 2;
/** Connections to the model, which stay for a while in case they are needed again. */
const SOCKETS_LEFT = 8;

export function judgeDisconnects(result: DisconnectsResult, seconds: number, isLong: boolean): Judgement[] {
  const { follows, violations, samples, before, after, heldMb } = result;
  const kinds = Object.entries(result.byKind)
    .toSorted()
    .map(([kind, count]) => `${kind} ${count}`);
  const answers = REATTACH_KINDS.map((kind) => `${kind} ${follows.reattached[kind]}`);
  const of = (...wanted: string[]): Judgement['value'] =>
    String(violations.filter(({ kind }) => wanted.includes(kind)).length);
  const none = (name: string, ...wanted: string[]): Judgement => ({
    name,
    value: of(...wanted),
    isOk: of(...wanted) === '0',
  });
  const mostMb = Math.max(...samples.map(({ rssMb }) => rssMb));
  const most = Math.max(...samples.map(({ descriptors }) => descriptors));
  const found = result.foundSilentMs;
  return [
    { name: 'disconnects', value: `${result.disconnects} in ${seconds.toFixed(1)} s (${kinds.join(', ')})` },
    { name: '  while a turn ran', value: String(result.inFlight) },
    { name: 'conversations', value: String(result.conversations) },
    { name: 'reattached', value: answers.join(', ') },
    { name: 'joined anew', value: String(follows.joined) },
    { name: 'events seen in order', value: String(follows.events) },
    { name: '  by replay', value: String(follows.replayed) },
    none('lost', 'lost'),
    none('doubled', 'doubled'),
    none('different or out of order', 'order'),
    none('not working', 'broken'),
    {
      name: 'silent connections found by the daemon',
      value:
        found.length === 0
          ? 'none left to it'
          : `${found.length}, after ${(Math.max(...found) / 1000).toFixed(1)} s at most`,
      ...(isLong ? { isOk: found.length > 0 && found.every((ms) => ms <= FOUND_WITHIN_MS) } : {}),
    },
    {
      name: 'descriptors before, at most, after',
      value: `${before.descriptors}, ${most}, ${after.descriptors}`,
    },
    {
      name: 'left open: files of conversations',
      value: `${result.left.files.length}${result.left.files
        .slice(0, 2)
        .map((file) => ` ${file}`)
        .join('')}`,
      isOk: result.left.files.length === 0,
    },
    {
      name: 'left open: sockets',
      value: `${result.left.sockets}, at most ${SOCKETS_LEFT}`,
      isOk: result.left.sockets <= SOCKETS_LEFT,
    },
    {
      name: 'memory before, at most, after',
      value: `${before.rssMb.toFixed(0)}, ${mostMb.toFixed(0)}, ${after.rssMb.toFixed(0)} MB`,
    },
    {
      name: 'held by the main thread, half way and in the end',
      value: `${heldMb.half.toFixed(1)} MB, ${heldMb.end.toFixed(1)} MB`,
      ...(isLong ? { isOk: heldMb.end <= heldMb.half + HELD_GROWTH_MB } : {}),
    },
  ];
}
