import { expect } from 'chai';
import fc from 'fast-check';
import { Outbox } from '../../src/agent/outbox.js';
import type { PublishLevel } from '../../src/agent/outbox.js';
import type { SessionPart } from '../../src/session/messages.js';

const state = (name: string): SessionPart => ({ type: 'state', patch: { preview: name } });
const flatten = (parts: SessionPart[]): string[] =>
  parts.flatMap((part) => {
    if (part.type === 'state') return [part.patch.preview!];
    if (part.type !== 'frames') return [];
    return part.ends.map((end, index) => part.text.slice(part.ends[index - 1] ?? 0, end));
  });

describe('Outbox', () => {
  it('publishes at once what has nothing unrecorded before it', () => {
    const posted: string[] = [];
    const outbox = new Outbox({ end: 5, written: 5, synced: 0 }, (parts) => posted.push(...flatten(parts)));
    outbox.push(state('a'));
    outbox.pushFrame(0, 'b');
    outbox.flush();
    expect(posted).to.deep.equal(['a', 'b']);
  });

  it('holds a fact until its line is written, and everything behind it', () => {
    const progress = { end: 10, written: 0, synced: 0 };
    const posted: string[] = [];
    const outbox = new Outbox(progress, (parts) => posted.push(...flatten(parts)));
    outbox.push(state('fact'));
    outbox.pushFrame(1, 'delta');
    outbox.flush();
    expect(posted).to.deep.equal([]);
    progress.written = 10;
    outbox.advance();
    outbox.flush();
    expect(posted).to.deep.equal(['fact', 'delta']);
  });

  it('holds what must survive a power loss until it is synced', () => {
    const progress = { end: 10, written: 10, synced: 0 };
    const posted: string[] = [];
    const outbox = new Outbox(progress, (parts) => posted.push(...flatten(parts)));
    outbox.push(state('synced'), 'synced');
    outbox.push(state('after'));
    outbox.advance();
    outbox.flush();
    expect(posted).to.deep.equal([]);
    progress.synced = 10;
    outbox.advance();
    outbox.flush();
    expect(posted).to.deep.equal(['synced', 'after']);
  });

  it('names the requests that will never be recorded and lets the failure itself out', () => {
    const posted: SessionPart[] = [];
    const outbox = new Outbox({ end: 10, written: 0, synced: 0 }, (parts) => posted.push(...parts));
    outbox.push({ type: 'reply', requestId: 7, result: '{}' });
    expect(outbox.abandonRollout()).to.deep.equal([7]);
    outbox.push({ type: 'error', requestId: 7, error: { code: 'rollout_write_failed', message: 'disk full' } });
    outbox.flush();
    expect(posted.map((part) => part.type)).to.deep.equal(['error']);
  });

  it('keeps the order and never publishes before the record, whatever the writer does when', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), size: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant('push' as const), level: fc.constantFrom<PublishLevel>('written', 'synced') }),
      fc.record({ kind: fc.constant('frame' as const), level: fc.constantFrom<PublishLevel>('written', 'synced') }),
      fc.record({ kind: fc.constant('write' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant('sync' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const progress = { end: 0, written: 0, synced: 0 };
        const pushed: { name: string; barrier: number; level: PublishLevel }[] = [];
        const posted: string[] = [];
        const outbox = new Outbox(progress, (parts) => posted.push(...flatten(parts)));
        const check = (): void => {
          outbox.advance();
          outbox.flush();
          expect(posted).to.deep.equal(pushed.slice(0, posted.length).map((entry) => entry.name));
          for (const { barrier, level } of pushed.slice(0, posted.length))
            expect(progress[level]).to.be.at.least(barrier);
        };
        for (const next of steps) {
          if (next.kind === 'append') progress.end += next.size;
          else if (next.kind === 'write') {
            progress.written += Math.floor((progress.end - progress.written) * next.share);
          } else if (next.kind === 'sync') {
            progress.synced += Math.floor((progress.written - progress.synced) * next.share);
          } else {
            const name = `${pushed.length};`;
            pushed.push({ name, barrier: progress.end, level: next.level });
            if (next.kind === 'push') outbox.push(state(name), next.level);
            else outbox.pushFrame(2, name, next.level);
          }
          check();
        }
        progress.written = progress.synced = progress.end;
        check();
        expect(posted).to.have.length(pushed.length);
      }),
    );
  });
});
