import { expect } from 'chai';
import fc from 'fast-check';
import type { NotificationName } from '../../src/protocol/notification-names.js';
import { OutgoingQueue } from '../../src/server/outgoing-queue.js';
import type { Outgoing } from '../../src/server/outgoing-queue.js';
import { deltaFrameHead, deltaFrameText, frameText } from '../../src/session/frame-text.js';

const MESSAGE = 'item/agentMessage/delta';
const SUMMARY = 'item/reasoning/summaryTextDelta';

/** What is said to a client, as the daemon says it. */
class Daemon {
  readonly #seqs = new Map<string, number>();
  #replies = 0;

  delta(threadId: string, itemId: string, text: string, summaryIndex?: number): Outgoing {
    const method = summaryIndex === undefined ? MESSAGE : SUMMARY;
    const head = deltaFrameHead(method, { threadId, turnId: 'u', itemId });
    const index = summaryIndex === undefined ? '' : `,"summaryIndex":${summaryIndex}`;
    return this.#numbered(method, threadId, deltaFrameText(`${head}${index}`, text));
  }

  other(threadId: string): Outgoing {
    return this.#numbered('item/started', threadId, frameText('item/started', { threadId }));
  }

  question(threadId: string): Outgoing {
    const method = 'item/tool/requestUserInput';
    const bytes = Buffer.from(JSON.stringify({ method, id: ++this.#replies, params: { threadId } }));
    return { bytes, notification: { method, threadId } };
  }

  reply(): Outgoing {
    return { bytes: Buffer.from(JSON.stringify({ id: ++this.#replies })), notification: null };
  }

  #numbered(method: NotificationName, threadId: string, open: string): Outgoing {
    const seq = (this.#seqs.get(threadId) ?? 0) + 1;
    this.#seqs.set(threadId, seq);
    return { bytes: Buffer.from(`${open},"epoch":"e","seq":${seq}}`), notification: { method, threadId } };
  }
}

interface Message {
  id?: number;
  method?: string;
  params: { threadId: string; itemId?: string; summaryIndex?: number; delta?: string };
  seq: number;
}

function takeAll(queue: OutgoingQueue): Message[] {
  const messages: Message[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    messages.push(JSON.parse(next.bytes.toString()) as Message);
  }
  return messages;
}

const said = (messages: Message[]) =>
  messages.map(({ id, params, seq }) =>
    id === undefined ? [params.threadId, params.delta ?? '-', seq] : ['reply', id],
  );

describe('OutgoingQueue', () => {
  let queue: OutgoingQueue;
  let daemon: Daemon;
  beforeEach(() => {
    queue = new OutgoingQueue();
    daemon = new Daemon();
  });
  const put = (...messages: Outgoing[]) => messages.forEach((message) => queue.push(message));

  it('gives everything back in order, byte for byte', () => {
    const messages = Array.from({ length: 10_000 }, (_, index) =>
      index % 7 === 0 ? daemon.reply() : daemon.delta('a', 'i', `${index}`),
    );
    const bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0);
    put(...messages);
    expect(queue.bytes).to.equal(bytes);
    for (const message of messages) expect(queue.shift()).to.equal(message);
    expect([queue.shift(), queue.bytes, queue.isEmpty]).to.deep.equal([undefined, 0, true]);
  });

  it('joins deltas of one text that follow each other in their conversation, under the last number', () => {
    put(daemon.delta('a', 'i', 'ei'), daemon.delta('b', 'i', 'x'), daemon.delta('a', 'i', 'ns"ü🙂'));
    put(daemon.other('b'), daemon.delta('a', 'i', '!'), daemon.delta('b', 'i', 'y'));
    put(daemon.delta('a', 'j', 'zwei'), daemon.delta('a', 'i', 'drei'));
    put(daemon.delta('a', 'r', 's', 0), daemon.delta('a', 'r', 't', 0), daemon.delta('a', 'r', 'u', 1));
    const before = queue.bytes;
    queue.joinDeltas();
    expect(queue.bytes).to.be.lessThan(before);
    expect(said(takeAll(queue))).to.deep.equal([
      ['a', 'eins"ü🙂!', 3],
      ['b', 'x', 1],
      ['b', '-', 2],
      ['b', 'y', 3],
      ['a', 'zwei', 4],
      ['a', 'drei', 5],
      ['a', 'st', 7],
      ['a', 'u', 8],
    ]);
  });

  it('lets no text pass a reply, which may show it already', () => {
    put(daemon.delta('a', 'i', '1'), daemon.delta('a', 'i', '2'), daemon.reply());
    put(daemon.delta('a', 'i', '3'), daemon.delta('a', 'i', '4'));
    queue.joinDeltas();
    expect(said(takeAll(queue))).to.deep.equal([
      ['a', '12', 2],
      ['reply', 1],
      ['a', '34', 4],
    ]);
  });

  it('lets no text of a conversation pass its questions', () => {
    put(daemon.delta('a', 'i', '1'), daemon.delta('b', 'i', 'x'), daemon.question('a'));
    put(daemon.delta('a', 'i', '2'), daemon.delta('b', 'i', 'y'));
    queue.joinDeltas();
    expect(said(takeAll(queue))).to.deep.equal([
      ['a', '1', 1],
      ['b', 'xy', 2],
      ['reply', 1],
      ['a', '2', 2],
    ]);
  });

  it('makes no frame larger than clients take', () => {
    put(...Array.from({ length: 100 }, () => daemon.delta('a', 'i', 'x'.repeat(10_000))));
    queue.joinDeltas();
    const sizes: number[] = [];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) sizes.push(next.bytes.length);
    expect(Math.max(...sizes)).to.be.within(200_000, 257 * 1024);
    expect(sizes.length).to.equal(4);
  });

  it('leaves replies alone when it drops the rest', () => {
    put(daemon.delta('a', 'i', '1'), daemon.reply(), daemon.other('a'), daemon.reply());
    queue.keepReplies();
    expect(said(takeAll(queue))).to.deep.equal([
      ['reply', 1],
      ['reply', 2],
    ]);
  });

  it('says the same to a client, joined at any moments or never', () => {
    const anyStep = fc.oneof(
      { weight: 12, arbitrary: fc.record({ thread: fc.constantFrom('a', 'b'), item: fc.constantFrom('i', 'j"') }) },
      { weight: 2, arbitrary: fc.constantFrom('reply' as const, 'a' as const, 'b' as const) },
      { weight: 1, arbitrary: fc.constantFrom('join' as const, 'take' as const) },
    );
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
        const [joined, plain] = [new OutgoingQueue(), new OutgoingQueue()];
        const speaker = new Daemon();
        const taken: Message[] = [];
        const takeOne = () => {
          const next = joined.shift();
          if (next !== undefined) taken.push(JSON.parse(next.bytes.toString()) as Message);
        };
        steps.forEach((step, index) => {
          if (step === 'join') return joined.joinDeltas();
          if (step === 'take') return takeOne();
          const message =
            step === 'reply'
              ? speaker.reply()
              : typeof step === 'string'
                ? speaker.other(step)
                : speaker.delta(step.thread, step.item, `${index} `);
          joined.push(message);
          plain.push(message);
        });
        taken.push(...takeAll(joined));
        const all = takeAll(plain);
        for (const thread of ['a', 'b']) expect(fold(taken, thread)).to.deep.equal(fold(all, thread));
        expect(taken.filter(({ id }) => id !== undefined)).to.deep.equal(all.filter(({ id }) => id !== undefined));
      }),
    );
  });
});

/** What a client of one conversation makes of it: texts as they stand at each other message and each reply. */
function fold(messages: Message[], thread: string): unknown[] {
  const story: unknown[] = [];
  const texts = new Map<string, string>();
  let last = 0;
  for (const { id, params, seq } of messages) {
    if (id === undefined && params.threadId !== thread) continue;
    if (id === undefined) {
      expect(seq, 'numbers rise').to.be.greaterThan(last);
      last = seq;
    }
    if (id === undefined && params.delta !== undefined) {
      texts.set(params.itemId!, (texts.get(params.itemId!) ?? '') + params.delta);
    } else story.push([id ?? seq, Object.fromEntries(texts)]);
  }
  return [...story, last, Object.fromEntries(texts)];
}
