import { expect } from 'chai';
import { LineKindFilter } from '../../src/rollout/line-kinds.js';
import type { LineKind } from '../../src/rollout/line-kinds.js';

const PADDING = 'x'.repeat(60);

function line(type: string, payload: object, ordinal?: number): Buffer {
  const fields = {
    timestamp: '2026-11-20T10:00:00.000Z',
    ...(ordinal === undefined ? {} : { ordinal }),
    type,
    payload,
  };
  return Buffer.from(JSON.stringify(fields));
}

function passesOver(kinds: LineKind[], bytes: Buffer): boolean {
  return new LineKindFilter(new Set(kinds)).passesOver(bytes);
}

describe('LineKindFilter', () => {
  const call = line('response_item', { type: 'function_call', text: PADDING });
  const message = line('response_item', { type: 'message', text: PADDING });
  const event = line('event_msg', { type: 'token_count', text: PADDING });

  it('tells types of line apart', () => {
    expect([call, message, event].map((bytes) => passesOver(['response_item'], bytes))).to.deep.equal([
      false,
      false,
      true,
    ]);
  });

  it('tells apart what lines of one type hold', () => {
    const kinds: LineKind[] = ['response_item/function_call', 'event_msg/task_started'];
    expect([call, message, event].map((bytes) => passesOver(kinds, bytes))).to.deep.equal([false, true, true]);
  });

  it('does not take the beginning of a name for the name', () => {
    const output = line('response_item', { type: 'function_call_output', text: PADDING });
    expect(passesOver(['response_item/function_call'], output)).to.equal(true);
  });

  it('passes over nothing that it cannot tell', () => {
    const kinds: LineKind[] = ['event_msg/task_started'];
    const unknown = [
      line('event_msg', { text: PADDING, type: 'task_started' }),
      Buffer.from(JSON.stringify({ type: 'event_msg', timestamp: 'x', payload: { type: 'task_started' } })),
      Buffer.from(` ${event.toString()}`),
      event.subarray(0, 60),
      event.subarray(0, 80),
    ];
    expect(unknown.map((bytes) => passesOver(kinds, bytes))).to.deep.equal(unknown.map(() => false));
  });

  it('keeps count of the ordinals of what it passes over', () => {
    const filter = new LineKindFilter(new Set(['session_meta'] as const));
    for (const ordinal of [7, 41, 3]) filter.passesOver(line('event_msg', { text: PADDING }, ordinal));
    filter.passesOver(line('session_meta', { text: PADDING }, 99));
    expect(filter.nextOrdinal).to.equal(42);
  });
});
