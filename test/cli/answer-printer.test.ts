import { expect } from 'chai';
import { AnswerPrinter } from '../../src/cli/answer-printer.js';
import type { ServerNotification } from '../../src/client/rpc-client.js';

describe('AnswerPrinter', () => {
  /** Both streams in the order of writing, as a terminal would show them. */
  let shown: [stream: string, text: string][];

  beforeEach(() => {
    shown = [];
  });

  function makePrinter(terminal: { stdout: boolean; stderr: boolean }, env: NodeJS.ProcessEnv = {}): AnswerPrinter {
    const output = (name: 'stdout' | 'stderr') => ({
      isTTY: terminal[name],
      write: (text: string) => shown.push([name, text]),
    });
    return new AnswerPrinter(output('stdout'), output('stderr'), env);
  }

  const written = (stream: string) =>
    shown
      .filter(([name]) => name === stream)
      .map(([, text]) => text)
      .join('');

  function notification(method: string, params: object): ServerNotification {
    return {
      method,
      params: { threadId: 't', turnId: 'u', ...params },
      emittedAtMs: 1,
    } as unknown as ServerNotification;
  }

  const delta = (itemId: string, text: string) => notification('item/agentMessage/delta', { itemId, delta: text });
  const thought = (itemId: string, summaryIndex: number, text: string) =>
    notification('item/reasoning/summaryTextDelta', { itemId, summaryIndex, delta: text });
  const message = (id: string, text: string) =>
    notification('item/completed', { item: { type: 'agentMessage', id, text } });

  it('writes the answer as it comes and each message on lines of its own', () => {
    const printer = makePrinter({ stdout: false, stderr: false });
    for (const text of ['Hel', 'lo']) printer.print(delta('a', text));
    printer.print(message('a', 'Hello'));
    printer.print(delta('b', 'second\n'));
    printer.print(message('b', 'second\n'));
    printer.print(delta('c', 'third'));
    printer.endLine();
    printer.endLine();
    expect([written('stdout'), written('stderr')]).to.deep.equal(['Hello\nsecond\nthird\n', '']);
  });

  it('adds what the deltas left out', () => {
    const printer = makePrinter({ stdout: false, stderr: false });
    printer.print(delta('a', 'half '));
    printer.print(message('a', 'half of it'));
    printer.print(message('b', 'whole'));
    printer.print(message('c', ''));
    printer.endLine();
    expect(written('stdout')).to.equal('half of it\nwhole\n');
  });

  it('shows reasoning dim on a terminal, and nowhere else', () => {
    const events = [thought('r', 0, 'think'), thought('r', 0, 'ing'), thought('r', 1, 'more'), delta('a', 'answer')];
    for (const [stderr, env] of [
      [true, {}],
      [true, { NO_COLOR: '1' }],
      [false, {}],
    ] as const) {
      const printer = makePrinter({ stdout: true, stderr }, env);
      for (const event of events) printer.print(event);
      printer.endLine();
    }
    expect(shown).to.deep.equal([
      ...['\u001b[2mthink\u001b[22m', '\u001b[2ming\u001b[22m', '\n', '\u001b[2mmore\u001b[22m', '\n'].map((text) => [
        'stderr',
        text,
      ]),
      ['stdout', 'answer'],
      ['stdout', '\n'],
      ...['think', 'ing', '\n', 'more', '\n'].map((text) => ['stderr', text]),
      ['stdout', 'answer'],
      ['stdout', '\n'],
      ['stdout', 'answer'],
      ['stdout', '\n'],
    ]);
  });

  it('keeps control characters away from a terminal but not from a file', () => {
    const text = 'red \u001b[31malert\u001b]0;title\u0007 tab\tline\r\nnext\u009b1m\u007f';
    for (const stdout of [true, false]) {
      const printer = makePrinter({ stdout, stderr: true });
      printer.print(delta(`a${String(stdout)}`, text));
    }
    expect(shown).to.deep.equal([
      ['stdout', 'red [31malert]0;title tab\tline\nnext1m'],
      ['stdout', text],
    ]);
  });

  it('tells of warnings and retries on stderr, and leaves the final error to the caller', () => {
    const printer = makePrinter({ stdout: false, stderr: false });
    printer.print(delta('a', 'half'));
    printer.print(notification('error', { error: { message: 'Reconnecting... 1/5' }, willRetry: true }));
    printer.print(notification('warning', { message: 'long \u001b[2Jconversation' }));
    printer.print(notification('error', { error: { message: 'gave up' }, willRetry: false }));
    printer.print(notification('thread/status/changed', { status: { type: 'idle' } }));
    expect([written('stdout'), written('stderr')]).to.deep.equal([
      'half\n',
      'Reconnecting... 1/5\nlong [2Jconversation\n',
    ]);
  });
});
