import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { applyJournal, journalRecord, quarantineJournal, readJournal } from '../../src/rollout/journal.js';
import type { JournalContent, JournalItem, JournalRecord } from '../../src/rollout/journal.js';

const message: JournalItem = { type: 'agentMessage', id: 'msg_1', startedAtMs: 1000, phase: 'commentary' };
const reasoning: JournalItem = { type: 'reasoning', id: 'rs_1', startedAtMs: 900, phase: null };

function record(change: Partial<JournalRecord> = {}): JournalRecord {
  return { rolloutSize: 500, turnId: 'turn', item: message, field: 'text', index: 0, at: 0, text: '', ...change };
}

function journalOf(...records: JournalRecord[]): JournalContent {
  return { rolloutSize: records.at(-1)!.rolloutSize, records };
}

/** The text of the only item, for journals of one message. */
function textOf(...records: JournalRecord[]): string | undefined {
  const [item] = applyJournal(journalOf(...records), 500, new Set()).items;
  return item?.type === 'agentMessage' ? item.text : undefined;
}

describe('readJournal', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rolloutd-journal-'));
    path = join(folder, 'ID.jsonl');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads the records that were made, each on its own line whatever its text holds', () => {
    const records = [
      record({ text: 'line\nbreak "quoted" \u2028 🙂' }),
      record({ rolloutSize: 700, item: reasoning, field: 'summary', index: 1, at: 3, text: '\ud83d' }),
    ];
    const text = records.map(journalRecord).join('');
    expect(text.match(/\n/g)).to.have.length(2);
    writeFileSync(path, text);
    expect(readJournal(path)).to.deep.equal({ rolloutSize: 700, records });
  });

  it('is null without a file, and for a file without a record', () => {
    expect(readJournal(path)).to.equal(null);
    for (const text of ['', '\n', 'torn', '[]\n', '{"rolloutSize":1}\n']) {
      writeFileSync(path, text);
      expect(readJournal(path), text).to.equal(null);
    }
  });

  it('throws when there is a journal that cannot be read', () => {
    expect(() => readJournal(folder))
      .to.throw()
      .with.property('code', 'EISDIR');
  });

  it('keeps the complete records before any byte at which the file may be torn', () => {
    const records = [record({ text: 'é🙂' }), record({ rolloutSize: 600, at: 3, text: 'more' })];
    const lines = records.map((each) => Buffer.from(journalRecord(each)));
    const whole = Buffer.concat(lines);
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const complete = length === whole.length ? 2 : length >= lines[0]!.length ? 1 : 0;
      const found = readJournal(path)?.records ?? [];
      expect(found, `${length} bytes`).to.deep.equal(records.slice(0, complete));
    }
  });

  it('ends at a line that is no record', () => {
    const lines = [journalRecord(record({ text: 'a' })), '{"rolloutSize":-1}\n', journalRecord(record({ text: 'b' }))];
    writeFileSync(path, lines.join(''));
    expect(readJournal(path)?.records).to.deep.equal([record({ text: 'a' })]);
  });

  it('sets a journal aside under a name that tells when', () => {
    writeFileSync(path, 'content');
    const aside = quarantineJournal(path, new Date('2026-11-23T10:20:30.456Z'));
    expect(readdirSync(folder)).to.deep.equal(['ID.2026-11-23T10-20-30.456Z.aside']);
    expect([existsSync(path), readFileSync(aside, 'utf8')]).to.deep.equal([false, 'content']);
  });
});

describe('applyJournal', () => {
  it('assembles each item from its chunks, in the order in which they were first recorded', () => {
    const journal = journalOf(
      record({ rolloutSize: 400, item: reasoning, field: 'summary', index: 0, text: 'first ' }),
      record({ text: 'Hello' }),
      record({ item: reasoning, field: 'summary', index: 0, at: 6, text: 'part' }),
      record({ item: reasoning, field: 'summary', index: 1, text: 'second' }),
      record({ item: reasoning, field: 'content', index: 0, text: 'raw' }),
      record({ at: 5, text: ' there' }),
    );
    expect(applyJournal(journal, 500, new Set())).to.deep.equal({
      items: [
        {
          turnId: 'turn',
          type: 'reasoning',
          id: 'rs_1',
          startedAtMs: 900,
          phase: null,
          summary: ['first part', 'second'],
          content: ['raw'],
        },
        {
          turnId: 'turn',
          type: 'agentMessage',
          id: 'msg_1',
          startedAtMs: 1000,
          phase: 'commentary',
          text: 'Hello there',
        },
      ],
      discarded: null,
    });
  });

  it('leaves out the items that the rollout holds complete', () => {
    const journal = journalOf(
      record({ item: reasoning, field: 'summary', text: 'thought' }),
      record({ text: 'partial' }),
    );
    const { items, discarded } = applyJournal(journal, 500, new Set(['rs_1']));
    expect([items.map(({ id }) => id), discarded]).to.deep.equal([['msg_1'], null]);
  });

  it('applies nothing when the rollout holds everything, whatever its size', () => {
    const journal = journalOf(record({ text: 'partial' }));
    for (const size of [500, 900]) {
      expect(applyJournal(journal, size, new Set(['msg_1']))).to.deep.equal({ items: [], discarded: 'all_recorded' });
    }
  });

  it('applies nothing to a rollout of another size than its last record tells', () => {
    const journal = journalOf(record({ text: 'a' }), record({ rolloutSize: 600, at: 1, text: 'b' }));
    const results = [500, 599, 601].map((size) => applyJournal(journal, size, new Set()));
    expect(results).to.deep.equal(results.map(() => ({ items: [], discarded: 'size_mismatch' })));
    expect(applyJournal(journal, 600, new Set()).discarded).to.equal(null);
  });

  it('puts a command together from what is known of it and what it wrote, as it was last', () => {
    const core = {
      type: 'CommandExecution' as const,
      id: 'call',
      process_id: null,
      command: ['true'],
      cwd: 'file:///',
      parsed_cmd: [],
      source: 'agent',
      status: 'in_progress',
    };
    const tool: JournalItem = { type: 'tool', id: 'call', startedAtMs: 7, phase: null };
    const running = { ...core, process_id: '5' };
    const journal = journalOf(
      record({ item: { ...tool, core } }),
      record({ item: { ...tool, core: running }, text: 'one ' }),
      record({ item: tool, at: 4, text: 'two' }),
    );
    expect(applyJournal(journal, 500, new Set()).items).to.deep.equal([
      { type: 'tool', turnId: 'turn', id: 'call', startedAtMs: 7, phase: null, core: running, text: 'one two' },
    ]);
  });

  it('ends an item at a gap, and only that item', () => {
    const journal = journalOf(
      record({ text: 'abc' }),
      record({ at: 4, text: 'lost before' }),
      record({ at: 3, text: 'too late' }),
      record({ item: reasoning, field: 'summary', index: 0, text: 'ok' }),
      record({ item: reasoning, field: 'summary', index: 2, text: 'part 1 is missing' }),
    );
    const { items } = applyJournal(journal, 500, new Set());
    expect(items.map((item) => (item.type === 'reasoning' ? item.summary : item.text))).to.deep.equal(['abc', ['ok']]);
  });

  it('heals a character that two chunks had split', () => {
    const whole = 'a🙂b';
    const chunks = [whole.slice(0, 2), whole.slice(2)];
    const lines = [record({ text: chunks[0]! }), record({ at: 2, text: chunks[1]! })].map(journalRecord);
    const [first, second] = lines.map((line) => JSON.parse(line) as JournalRecord);
    expect(textOf(first!, second!)).to.equal(whole);
  });

  it('takes chunks that repeat or overlap for what they are', () => {
    const chunk = fc.record({ from: fc.nat({ max: 30 }), length: fc.nat({ max: 30 }) });
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30 }), fc.array(chunk), (whole, chunks) => {
        let reached = 0;
        const records = chunks.map(({ from, length }) => {
          const at = Math.min(from, reached);
          const text = whole.slice(at, at + length);
          reached = Math.max(reached, at + text.length);
          return record({ at, text });
        });
        fc.pre(records.length > 0);
        expect(textOf(...records)).to.equal(whole.slice(0, reached));
      }),
    );
  });
});
