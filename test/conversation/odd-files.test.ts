import { expect } from 'chai';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { rolloutPathFor } from '../../src/rollout/file-name.js';
import { BOTH_TURNS, ODD_FILES, ordinalLines } from '../rollout/odd-files.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { createdAtOf, idOf } from '../support/rollout-home.js';
import { metaLine, responseLine, startedLine, turnLines, userItemLine, userLine } from '../support/rollout-lines.js';
import { agentTexts, conversationTexts } from './wire-story.js';

/** More of them: what only shows when the conversation goes on. */
interface OddConversation {
  what: string;
  text: string | Buffer;
  setAside?: string[];
  turns?: string[];
}

const META = metaLine('id');
const ODD_TEXT = 'a\u2028b\u2029c\u0085d\re';
const CALL = responseLine({ type: 'function_call', call_id: 'c', name: 'shell', arguments: '{}' });
const OPEN = [startedLine('two'), userLine('q2'), userItemLine('two', 'u2', 'q2')];
/** The longest line that was met. */
const LONG = 'x'.repeat(43_000_000);
const LONG_OUTPUT = responseLine({ type: 'function_call_output', call_id: 'c', output: LONG });

const MORE: OddConversation[] = [
  { what: 'metadata and nothing else', text: ordinalLines([META]), turns: [] },
  { what: 'metadata without its newline', text: ordinalLines([META]).trimEnd(), turns: [] },
  {
    what: 'metadata and a turn without words',
    text: ordinalLines([META, startedLine('one')]),
    turns: ['one: '],
  },
  {
    what: 'characters that others take for the ends of lines',
    text: ordinalLines([META, ...turnLines('one', ODD_TEXT, ODD_TEXT)]),
    turns: [`one: ${ODD_TEXT}, ${ODD_TEXT}`],
  },
  {
    what: 'half a character',
    text: ordinalLines([META, ...turnLines('one', 'half HALF', 'a1')]).replaceAll('HALF', '\\ud800'),
    turns: ['one: half \ufffd, a1'],
  },
  {
    what: 'bytes that are no UTF-8',
    text: Buffer.concat([
      Buffer.from(ordinalLines([META, ...turnLines('one', 'q1', 'a1')])),
      Buffer.from([0xff, 0xfe, 0xc3, 0x0a]),
      Buffer.from(ordinalLines(turnLines('two', 'q2', 'a2'), 8)),
    ]),
    setAside: ['not_json'],
  },
  {
    what: 'a call without an output at its end',
    text: ordinalLines([META, ...turnLines('one', 'q1', 'a1'), ...OPEN, CALL]),
    turns: ['one: q1, a1', 'two: q2'],
  },
  {
    what: 'a line of 43 MB',
    text: ordinalLines([META, startedLine('one'), userLine('q1'), userItemLine('one', 'u', 'q1'), CALL, LONG_OUTPUT]),
    turns: ['one: q1'],
  },
];

const NO_CONVERSATIONS: Record<string, string | Buffer> = {
  'not a byte': '',
  'an empty line': '\n',
  'nothing but zeros': Buffer.alloc(4096),
  'half of its metadata': ordinalLines([META]).slice(0, 60),
  'metadata of another shape': `{"timestamp":"t","type":"session_meta","payload":[]}\n${ordinalLines(turnLines('one', 'q', 'a'))}`,
  'turns without metadata': ordinalLines(turnLines('one', 'q', 'a')),
};

describe('a rollout', function () {
  // A line of 43 MB takes its time on a machine that does other things as well.
  this.timeout(60_000);
  let rig: DaemonRig;
  let client: CheckedClient;
  let number = 0;
  before(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  after(() => rig.close());

  function place(text: string | Buffer): { threadId: string; path: string; bytes: Buffer } {
    number += 1;
    const threadId = idOf(number);
    const path = rolloutPathFor(rig.home.path, createdAtOf(number), threadId);
    const bytes =
      typeof text === 'string' ? Buffer.from(text.replace('"id":"id"', `"id":"${threadId}"`)) : withId(text);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return { threadId, path, bytes };

    function withId(binary: Buffer): Buffer {
      return Buffer.from(binary.toString('latin1').replace('"id":"id"', `"id":"${threadId}"`), 'latin1');
    }
  }

  for (const { what, text, setAside = [], turns = BOTH_TURNS } of [...ODD_FILES, ...MORE] as OddConversation[]) {
    it(`with ${what} is read, resumed and continued, and keeps every byte`, async () => {
      const { threadId, path, bytes } = place(text);
      const read = async (): Promise<any[]> =>
        (await client.call('thread/read', { threadId, includeTurns: true })).thread.turns;
      const before = await read();
      expect(words(before)).to.deep.equal(turns);
      const resumed = await client.call('thread/resume', { threadId });
      expect(resumed.thread.turns).to.deep.equal(before);
      expect(readFileSync(path).equals(bytes), 'the resume wrote nothing').to.equal(true);
      const told = client.notificationsOf(threadId).filter(({ method }) => method === 'warning');
      const warnings = told.map(({ params }) => params!['message']).filter((message) => message.includes('damaged'));
      expect(warnings).to.deep.equal(
        setAside.length === 0
          ? []
          : [`${setAside.length} damaged line(s) of the rollout were set aside; they stay in the file`],
      );

      const done = await client.runTurn(threadId, 'go on');
      expect([done.status, done.error]).to.deep.equal(['completed', null]);
      expectSoundRequest(threadId);
      expect(readFileSync(path).subarray(0, bytes.length).equals(bytes), 'former bytes').to.equal(true);
      const after = await read();
      expect(words(after.slice(0, -1)).map((turn, index) => turn.slice(0, turns[index]!.length))).to.deep.equal(turns);
      expect(words(after).at(-1)).to.equal(`${done.id}: go on, echo: go on`);
      await rig.daemon.registry.removeConversation(threadId);
      expect((await client.call('thread/resume', { threadId })).thread.turns).to.deep.equal(after);
      await rig.daemon.registry.removeConversation(threadId);
    });
  }

  for (const [what, text] of Object.entries(NO_CONVERSATIONS)) {
    it(`with ${what} is none: that is said, and it stays as it is`, async () => {
      const { threadId, path, bytes } = place(text);
      for (const method of ['thread/read', 'thread/resume', 'thread/fork']) {
        const { error } = await client.ask(method, { threadId });
        expect(error?.data.reason, method).to.equal('rollout_unreadable');
      }
      const { data } = await client.call('thread/list', { limit: 100, modelProviders: [] });
      expect(data.map(({ id }: { id: string }) => id)).to.not.include(threadId);
      expect(readFileSync(path).equals(bytes)).to.equal(true);
    });
  }

  /** No provider refuses it: whole characters, an output for each call, the mark of a turn that was broken off. */
  function expectSoundRequest(threadId: string): void {
    const { body, input } = rig.model.requests.findLast(({ cacheKey }) => cacheKey === threadId)!;
    expect(
      /\\ud[89a-f]/.test(JSON.stringify({ ...body, input: input.filter(({ output }) => output !== LONG) })),
    ).to.equal(false);
    const calls = input.filter(({ type }) => type === 'function_call').map(({ call_id }) => call_id);
    const outputs = input.filter(({ type }) => type === 'function_call_output').map(({ call_id }) => call_id);
    expect(outputs).to.deep.equal(calls);
    expect(conversationTexts(input).at(-1)).to.equal('go on');
  }
});

/** What was said and done, turn by turn. */
function words(turns: readonly any[]): string[] {
  return turns.map(({ id, items }) => {
    const parts = items.map((item: any) => {
      if (item.type === 'userMessage') return item.content.map((part: any) => part.text).join('');
      return item.type === 'agentMessage' ? agentTexts({ items: [item] })[0] : item.type;
    });
    return `${id}: ${parts.join(', ')}`;
  });
}
