// The one rollout of a conversation as it grows from hand-over to hand-over. Main thread.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

interface Line {
  type: string;
  ordinal?: number;
  payload: Record<string, unknown>;
}

/** Fails when a conversation has no file or more than one. */
export function readRollout(home: string, threadId: string): Buffer {
  const files = ['sessions', 'archived_sessions'].flatMap((folder) => listFiles(join(home, folder)));
  const own = files.filter((file) => file.includes(threadId));
  expect(own, `the files of ${threadId}`).to.have.lengthOf(1);
  return readFileSync(own[0]!);
}

export function parseRollout(bytes: Buffer): Line[] {
  expect(bytes.at(-1), 'the last byte').to.equal(0x0a);
  return bytes
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** Every former state is where it was, byte for byte; one session_meta; ordinals go up by one, but for lines of our own. */
export function expectGrowth(states: readonly Buffer[]): void {
  for (const [index, after] of states.entries()) {
    const before = states[index - 1];
    if (before === undefined) continue;
    expect(after.length, `the size of state ${index}`).to.be.greaterThan(before.length);
    expect(after.subarray(0, before.length).equals(before), `the former bytes in state ${index}`).to.equal(true);
  }
  const lines = parseRollout(states.at(-1)!);
  expect(lines.filter(({ type }) => type === 'session_meta')).to.have.lengthOf(1);
  // Those of our own have no place in the count.
  const counted = lines.filter(({ payload }) => !String(payload['type']).startsWith('approval_'));
  expect(counted.map(({ ordinal }) => ordinal)).to.deep.equal(counted.map((_, i) => i + (lines[0]!.ordinal ?? 0)));
}

/** What a request gave the model of the conversation itself: `user: …` and `assistant: …`, context messages left out. */
export function spokenTo(input: readonly Record<string, unknown>[]): string[] {
  return input.flatMap(({ type, role, content }) => {
    if (type !== 'message' || (role !== 'user' && role !== 'assistant')) return [];
    const texts = (content as { text?: string }[]).map(({ text }) => text ?? '');
    return texts.filter((text) => !text.startsWith('<')).map((text) => `${role}: ${text}`);
  });
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
