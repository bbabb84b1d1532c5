import { expect } from 'chai';
import { DaemonError } from '../../src/errors.js';
import type { Conversation } from '../../src/registry/conversation.js';
import { LoadedConversation } from '../../src/registry/loaded-conversation.js';
import type { OwnerLease } from '../../src/registry/seams.js';
import type { SessionHandle } from '../../src/session/session-handle.js';

const LEASE = {} as OwnerLease;

/** Ends as soon as it is asked to, by itself or by an error. `isFreed` tells whether its lock was then let go. */
function load(error: DaemonError | null): { loaded: LoadedConversation; isFreed: () => boolean | null } {
  let isFreed: boolean | null = null;
  const handle = {
    requestEnd: () => {
      isFreed = loaded.takeLeaseBack(error);
      loaded.markReleased();
    },
  } as unknown as SessionHandle;
  const loaded: LoadedConversation = new LoadedConversation({} as Conversation, handle, {
    begun: null,
    lease: LEASE,
  });
  return { loaded, isFreed: () => isFreed };
}

const codeOf = (ending: Promise<unknown>): Promise<unknown> =>
  ending.then(
    () => null,
    (error: unknown) => (error as DaemonError).code,
  );

describe('LoadedConversation', () => {
  it('hands its lock over to who ends it and asks for that, and else has it freed', async () => {
    const kept = load(null);
    expect([await kept.loaded.endKeepingLease(), kept.isFreed()]).to.deep.equal([LEASE, false]);
    const ended = load(null);
    await ended.loaded.end();
    expect(ended.isFreed()).to.equal(true);
  });

  it('hands over no lock that was freed, because the session had an error or was over before', async () => {
    const failed = load(new DaemonError('worker_lost', 'lost'));
    expect([await codeOf(failed.loaded.endKeepingLease()), failed.isFreed()]).to.deep.equal(['session_failed', true]);
    const over = load(null);
    await over.loaded.end();
    expect(await codeOf(over.loaded.endKeepingLease())).to.equal('session_failed');
  });
});
