// Holds the check of what clients are told when the disk fails. Runs without a daemon.
import { expect } from 'chai';
import type { WireMessage } from '../faults/byte-log.js';
import { checkDiskFault } from '../faults/check-disk.js';
import { logOf, notification, THREAD } from './hand-made.js';

const OTHER = '01a206ee-bd6f-7dc3-8570-000000000000';

function errorOf(threadId: string, additionalDetails: string | null): WireMessage {
  return { method: 'error', params: { threadId, turnId: 'turn-1', error: { additionalDetails } } };
}

function findingsOf(messages: WireMessage[]) {
  const outage = { title: 'no space', victims: [THREAD], fromMs: 0, untilMs: 1000 };
  const { violations, failures } = checkDiskFault(outage, [logOf(messages)]);
  return { whats: violations.map(({ what }) => what), failures };
}

describe('checkDiskFault', () => {
  it('counts a turn that failed with the typed error', () => {
    const told = [errorOf(THREAD, 'rollout_write_failed'), errorOf(OTHER, null)];
    expect(findingsOf(told)).to.deep.equal({ whats: [], failures: 1 });
  });

  it('reports another error, an error of another conversation, and a conversation that is closed', () => {
    const told = [
      errorOf(THREAD, 'session_failed'),
      errorOf(OTHER, 'rollout_write_failed'),
      notification('thread/closed', {}),
    ];
    expect(findingsOf(told)).to.deep.equal({
      whats: [
        'a conversation was told of a fault that is not its own (no space)',
        'a conversation was told of a fault that is not its own (no space)',
        'a conversation was closed while the disk failed (no space)',
      ],
      failures: 0,
    });
  });
});
