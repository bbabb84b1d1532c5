import path from 'node:path';
import { expect } from 'chai';
import { METHODS, isMethodName } from '../../src/protocol/methods.js';
import type { MethodName } from '../../src/protocol/methods.js';
import { NOTIFICATION_METHODS } from '../../src/protocol/notification-names.js';
import { NOTIFICATIONS } from '../../src/protocol/notifications.js';
import { isServerRequest, SERVER_REQUESTS } from '../../src/protocol/server-requests.js';
import { validateParams } from '../../src/protocol/validate-params.js';
import { findBrokenRule } from '../../src/protocol/value-rules.js';
import { OWN_METHODS, OWN_NOTIFICATIONS } from '../support/own-messages.js';
import { assertValidNotification, assertValidResult, assertValidServerMessage } from '../support/schema-validator.js';
import { readRecordings } from '../protocol/recordings.js';
import type { RecordedMessage } from '../protocol/recordings.js';
import { recordedFolder } from './recorded-folder.js';

/** What our results have and the peer's do not, for the recordings to pass. */
const ADDED: Partial<Record<MethodName, object>> = {
  'thread/start': { eventsCursor: { epoch: 'e', seq: 0 } },
  'thread/resume': { eventsCursor: { epoch: 'e', seq: 0 } },
  'thread/fork': { eventsCursor: { epoch: 'e', seq: 0 } },
  'thread/list': { hiddenCount: 0 },
  'thread/delete': { deletedThreadIds: [] },
};

/** Which the peer has, and no recording a result of. */
const NOT_RECORDED = ['thread/backgroundTerminals/terminate', 'thread/backgroundTerminals/clean'];

describe('recorded conversations with the peer', () => {
  let recorded: RecordedMessage[];

  before(() => {
    const folder = recordedFolder();
    // In one recording of the terminal UI, a stub with made-up replies takes the peer's place.
    recorded = ['wire', 'tui']
      .flatMap((name) => readRecordings(path.join(folder, name)))
      .filter(({ where }) => !where.startsWith('minimal-stub-session'));
    expect(recorded).to.have.length.greaterThan(1000);
  });

  it('hold notifications that both contracts accept', () => {
    const seen = new Set<string>();
    for (const { where, fromServer, message } of recorded) {
      const method = message['method'];
      if (!fromServer || typeof method !== 'string' || !(method in NOTIFICATIONS)) continue;
      seen.add(method);
      withPlace(where, () => assertValidNotification(message));
    }
    const unseen = NOTIFICATION_METHODS.filter((method) => !seen.has(method));
    expect(unseen).to.deep.equal([
      ...Object.keys(OWN_NOTIFICATIONS),
      'item/commandExecution/terminalInteraction',
      'configWarning',
    ]);
  });

  it('hold results that both contracts accept', () => {
    const seen = new Set<string>();
    for (const { where, message, method } of recorded) {
      if (method === undefined || !isMethodName(method) || message['result'] === undefined) continue;
      seen.add(method);
      const result = { ...(message['result'] as object), ...ADDED[method] };
      withPlace(where, () => assertValidResult(method, result));
    }
    expect([...seen, ...Object.keys(OWN_METHODS), ...NOT_RECORDED]).to.have.members(Object.keys(METHODS));
  });

  it('hold questions that both contracts accept, and answers that are taken where the peer took them', () => {
    const seen = new Set<string>();
    const refused: unknown[] = [];
    for (const { where, fromServer, message, method } of recorded) {
      const asked = message['method'];
      if (fromServer && message['id'] !== undefined && typeof asked === 'string') {
        seen.add(asked);
        withPlace(where, () => assertValidServerMessage(message, new Map()));
      }
      if (fromServer || method === undefined || !isServerRequest(method)) continue;
      const { success } = SERVER_REQUESTS[method].result.safeParse(message['result']);
      if (!success) refused.push(message['error'] ?? message['result']);
    }
    expect([...seen]).to.have.members(Object.keys(SERVER_REQUESTS));
    expect(refused).to.deep.equal([{ decision: 'bogus' }, { code: -32000, message: 'client refuses' }]);
  });

  it('hold requests that are refused in the same words, or accepted, as the peer did', () => {
    const disagreements: string[] = [];
    for (const { where, fromServer, message, answer } of recorded) {
      const method = message['method'];
      if (fromServer || answer === undefined || typeof method !== 'string' || !isMethodName(method)) continue;
      const ours = validateParams(method, message['params']);
      const theirs = invalidRequestMessage(answer);
      const said = ours.ok ? null : ours.message;
      if (said !== theirs) disagreements.push(`${where}: ${String(theirs)} | ${String(said)}`);
    }
    expect(disagreements.map((line) => line.replace(/^[^:]*:\d+: /, ''))).to.deep.equal([
      // Names the field that is wrong instead of the type that nothing fits.
      'data did not match any variant of untagged enum ThreadItemsListCursor | missing field `type`',
      // Names the type that would do instead of the shape of an array that would do as well.
      'invalid length 2, expected struct ThreadListParams with 19 elements | invalid type: sequence, expected an object',
      'data did not match any variant of untagged enum ThreadItemsListCursor | missing field `type`',
    ]);
  });

  it('hold requests that break a rule of values only where the peer refused them, in the same words', () => {
    const broken = new Set<string>();
    for (const { where, fromServer, message, answer } of recorded) {
      const method = message['method'];
      if (fromServer || answer === undefined || typeof method !== 'string' || !isMethodName(method)) continue;
      const validated = validateParams(method, message['params']);
      const rule = validated.ok ? findBrokenRule(method, validated.params) : null;
      if (rule === null) continue;
      broken.add(rule.message);
      withPlace(where, () => expect(answer['error']).to.deep.include({ message: rule.message }));
    }
    expect([...broken].sort()).to.deep.equal([
      '`beforeTurnId` cannot be combined with `lastTurnId`',
      'items must not be empty',
      'section-position sorting requires a section filter',
      'thread metadata update must include at least one field',
      'thread name must not be empty',
    ]);
  });
});

function invalidRequestMessage(answer: Record<string, unknown>): string | null {
  const { message } = (answer['error'] ?? {}) as { message?: string };
  return message?.startsWith('Invalid request: ') === true ? message.slice('Invalid request: '.length) : null;
}

function withPlace(where: string, assertion: () => void): void {
  try {
    assertion();
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
