import { expect } from 'chai';
import { formatTable } from '../../src/cli/list.js';
import { oneLine } from '../../src/cli/terminal-text.js';
import type { Thread } from '../../src/protocol/thread.js';

const NOW = 1_000_000_000_000;

function thread(id: string, secondsAgo: number, change: Partial<Thread> = {}): Thread {
  const row = {
    id,
    updatedAt: NOW / 1000 - secondsAgo,
    status: { type: 'idle' },
    cwd: '/work',
    name: null,
    preview: `about ${id}`,
  };
  return { ...row, ...change } as Thread;
}

describe('formatTable', () => {
  it('is empty without conversations', () => {
    expect(formatTable([], NOW, 80)).to.deep.equal([]);
  });

  it('shows id, age, state, folder and the name or the first words, in columns', () => {
    const threads = [
      thread('one', 5, { status: { type: 'active', activeFlags: [] } }),
      thread('two', 7_200, { name: 'A name' }),
      thread('three', 300, { cwd: `/deep/${'x'.repeat(40)}` }),
      thread('four', 90_000),
      thread('five', 864_000, { preview: '' }),
    ];
    expect(formatTable(threads, NOW, 100)).to.deep.equal([
      'CONVERSATION  CHANGED      STATUS  FOLDER                          FIRST WORDS',
      'one           just now     active  /work                           about one',
      'two           2 h ago      idle    /work                           A name',
      `three         5 min ago    idle    /deep/${'x'.repeat(23)}…  about three`,
      'four          yesterday    idle    /work                           about four',
      'five          10 days ago  idle    /work',
    ]);
  });

  it('never exceeds the width, nor lets a preview steer the terminal or break the line', () => {
    const lines = formatTable([thread('one', 5, { preview: `line\n\u001b[31mtwo ${'x'.repeat(300)}` })], NOW, 72);
    expect(lines.map((line) => line.length <= 72)).to.deep.equal([true, true]);
    expect(lines[1]).to.match(/^one {11}just now {2}idle {4}\/work {3}line \[31mtwo x+…$/);
  });
});

describe('oneLine', () => {
  it('cuts between characters', () => {
    expect([oneLine('🙂🙂🙂', 3), oneLine('🙂🙂🙂', 2), oneLine('  a\t\n b ', 9), oneLine('abc', 0)]).to.deep.equal([
      '🙂🙂🙂',
      '🙂…',
      'a b',
      '…',
    ]);
  });
});
