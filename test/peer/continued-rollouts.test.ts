// The life of the larger collection's conversations in a daemon, as test/conversation/foreign.test.ts has it for our own.
import { basename, join } from 'node:path';
import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import { describeContinuedRollouts } from '../conversation/continued-rollouts.js';
import { readRolloutSet } from '../support/rollout-set.js';
import type { RecordedFile, RecordedHome } from '../support/rollout-set.js';
import { recordedFolder } from './recorded-folder.js';

interface Line {
  type: string;
  payload: {
    type?: string;
    message?: string;
    item?: { type: string; content: { type: string; text?: string }[] };
  };
}

/** What users said, as the lines tell it, inherited ones first. */
function saidInFiles(file: RecordedFile, home: RecordedHome, end?: number): string[] {
  const { base } = file;
  const source = base && home.files.find(({ name }) => `${name}.jsonl` === base.source_file)!;
  const before = source === null ? [] : saidInFiles(source, home, base!.end_byte_offset);
  const lines = file.bytes.subarray(0, end).toString().trimEnd().split('\n');
  return [...before, ...lines.flatMap((line) => saidIn(JSON.parse(line) as Line, file))];
}

function saidIn({ type, payload }: Line, { history_mode }: RecordedFile): string[] {
  if (type !== 'event_msg') return [];
  if (history_mode !== 'paginated') return payload.type === 'user_message' ? [payload.message!] : [];
  if (payload.type !== 'item_completed' || payload.item!.type !== 'UserMessage') return [];
  return [wordsOf(payload.item!.content)];
}

function wordsOf(content: readonly { type: string; text?: string }[]): string {
  return content.flatMap((part) => (part.type === 'text' ? part.text! : [])).join('\n');
}

describe('a conversation of the recorded collection', () => {
  for (const [number, home] of readRolloutSet(join(recordedFolder(), 'rollouts')).entries()) {
    describe(`in home ${number + 1}`, () => {
      describeContinuedRollouts(home, {
        expectTurns(file: RecordedFile, turns: Turn[]) {
          const shown = turns.flatMap(({ items }) =>
            items.flatMap((item) => (item.type === 'userMessage' ? wordsOf(item.content) : [])),
          );
          expect(shown, basename(file.original)).to.deep.equal(saidInFiles(file, home));
        },
        modelView: () => null,
      });
    });
  }
});
