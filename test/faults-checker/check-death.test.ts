// Holds the check of what clients are told when a session worker dies. Runs without a daemon.
import { expect } from 'chai';
import { checkDeath } from '../faults/check-death.js';
import type { Death } from '../faults/check-death.js';
import type { WireMessage } from '../faults/byte-log.js';
import { logOf, notification, THREAD } from './hand-made.js';

const OTHER = '01a206ee-bd6f-7dc3-8570-000000000000';
const ERROR = { message: 'lost', additionalDetails: 'worker_lost' };
const STARTED = notification('turn/started', { turn: { id: 'turn-1', status: 'inProgress' } });
const SYSTEM_ERROR = notification('thread/status/changed', { status: { type: 'systemError' } });
const TOLD_ERROR = notification('error', { error: ERROR, willRetry: false, turnId: 'turn-1' });
const FAILED = completed('failed', ERROR);

function completed(status: string, error: unknown = null): WireMessage {
  return notification('turn/completed', { turn: { id: 'turn-1', status, error } });
}

/** Messages come 10 ms apart from 0 on: the worker dies when the first is there. */
function findingsOf(messages: WireMessage[], death: Partial<Death> = {}) {
  const requests = { 1: { method: 'turn/start', params: { threadId: THREAD } } };
  const whole = { way: 'exit', orderedAtMs: 3, deadAtMs: 5, untilMs: Infinity, hosted: [THREAD], slackMs: 0, ...death };
  const { violations, ...rest } = checkDeath(whole, [logOf(messages, requests)]);
  return { whats: violations.map(({ what }) => what), ...rest };
}

describe('checkDeath', () => {
  it('finds nothing wrong when the turn was told to have failed, with the error and the status', () => {
    const findings = findingsOf([STARTED, SYSTEM_ERROR, TOLD_ERROR, FAILED]);
    expect(findings).to.deep.equal({ whats: [], turnsCut: 1, endedAfterMs: [25] });
  });

  it('takes the end of a turn that was on its way', () => {
    expect(findingsOf([STARTED, completed('completed'), SYSTEM_ERROR])).to.deep.equal({
      whats: [],
      turnsCut: 0,
      endedAfterMs: [],
    });
  });

  const wrong: { title: string; messages: WireMessage[]; what: string }[] = [
    {
      title: 'no status',
      messages: [STARTED, TOLD_ERROR, FAILED],
      what: 'no systemError was told of a conversation whose worker died (exit)',
    },
    {
      title: 'no end of the turn',
      messages: [STARTED, SYSTEM_ERROR, TOLD_ERROR],
      what: 'no end was told of a turn whose worker died (exit)',
    },
    {
      title: 'no error',
      messages: [STARTED, SYSTEM_ERROR, FAILED],
      what: 'no error was told of a turn whose worker died (exit)',
    },
    {
      title: 'another end',
      messages: [STARTED, SYSTEM_ERROR, TOLD_ERROR, completed('interrupted', ERROR)],
      what: 'the end of a turn whose worker died (exit)',
    },
    {
      title: 'a conversation that is closed',
      messages: [STARTED, SYSTEM_ERROR, TOLD_ERROR, FAILED, notification('thread/closed', {})],
      what: 'a conversation whose worker died was closed (exit)',
    },
  ];
  for (const { title, messages, what } of wrong) {
    it(`reports ${title}`, () => {
      expect(findingsOf(messages).whats).to.deep.equal([what]);
    });
  }

  it('reports what comes too late, and gives a slow machine its slack', () => {
    const late = [
      STARTED,
      ...Array.from({ length: 250 }, () => notification('x', {})),
      SYSTEM_ERROR,
      TOLD_ERROR,
      FAILED,
    ];
    expect(findingsOf(late).whats).to.deep.equal([
      'no systemError was told of a conversation whose worker died (exit)',
      'no end was told of a turn whose worker died (exit)',
    ]);
    expect(findingsOf(late, { slackMs: 600 }).whats).to.deep.equal([]);
  });

  it('reports what conversations of other workers were told of it', () => {
    const others = [TOLD_ERROR, FAILED, notification('thread/closed', {})].map(({ method, params }) => ({
      method: method!,
      params: { ...params, threadId: OTHER },
    }));
    const what = 'a conversation of another worker was told of its death (exit)';
    expect(findingsOf([STARTED, SYSTEM_ERROR, TOLD_ERROR, FAILED, ...others]).whats).to.deep.equal([what, what, what]);
  });
});
