import { expect } from 'chai';
import type { IncomingRequest, ServerNotification } from '../../src/client/rpc-client.js';
import { AnswerPrinter } from '../../src/cli/answer-printer.js';
import type { ApproveMode } from '../../src/cli/option-parts.js';
import { RequestAnswerer } from '../../src/cli/request-answerer.js';

const COMMAND = 'item/commandExecution/requestApproval';
const PATCH = 'item/fileChange/requestApproval';
const INPUT = 'item/tool/requestUserInput';

const command = { itemId: 'i', command: 'rm -rf \u001b[31mbuild', cwd: '/srv', reason: 'it is stale' };
const color = {
  id: 'color',
  header: 'Color',
  question: 'Which color?',
  options: [
    { label: 'Blue', description: 'calm' },
    { label: 'Red', description: 'loud' },
  ],
};

describe('what rolloutd ask answers when the daemon asks', () => {
  let shown: string;
  let sent: unknown[];
  let prompts: string[];
  /** What the person types; a line that is not there yet keeps it waiting. */
  let typed: (string | null)[];
  beforeEach(() => {
    [shown, sent, prompts, typed] = ['', [], [], []];
  });

  function answerer(mode: ApproveMode): RequestAnswerer {
    const output = { write: (text: string) => (shown += text) };
    return new RequestAnswerer({
      mode,
      printer: new AnswerPrinter(output, output, {}),
      askPerson: (prompt, signal) => {
        prompts.push(prompt);
        const line = typed.shift();
        if (line !== undefined) return Promise.resolve(line);
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        });
      },
    });
  }

  function request(method: string, params: unknown, id = 0): IncomingRequest {
    return {
      id,
      method,
      params,
      respond: (result) => sent.push([id, result]),
      fail: (code, message) => sent.push([id, code, message]),
    };
  }

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('is the decision of the person, who sees the command as it is', async () => {
    typed = ['what?', 'Y', 'a', 'n', 'cancel', null];
    const asked = answerer('ask');
    for (const id of [0, 1, 2, 3, 4]) asked.take(request(COMMAND, command, id));
    await settled();
    expect(sent).to.deep.equal([
      [0, { decision: 'accept' }],
      [1, { decision: 'acceptForSession' }],
      [2, { decision: 'decline' }],
      [3, { decision: 'cancel' }],
      [4, { decision: 'decline' }],
    ]);
    const once = 'The agent wants to run: rm -rf [31mbuild\nin /srv\nbecause: it is stale\n';
    expect(shown).to.equal(once.repeat(5));
  });

  it('shows the changes of a patch, cut when they are long', async () => {
    typed = ['y'];
    const asked = answerer('ask');
    const diff = Array.from({ length: 60 }, (_, index) => `+line ${index}`).join('\n');
    const item = { type: 'fileChange', id: 'i', changes: [{ path: '/srv/a', kind: { type: 'add' }, diff }] };
    asked.hear({ method: 'item/started', params: { item } } as unknown as ServerNotification);
    asked.take(request(PATCH, { itemId: 'i', reason: null, grantRoot: null }));
    await settled();
    expect(sent).to.deep.equal([[0, { decision: 'accept' }]]);
    expect(shown).to.match(
      /^The agent wants to change 1 file\(s\):\nadd \/srv\/a\n\+line 0\n[^]*… and 21 more lines\n$/,
    );
  });

  it('is what the person says to each question: a number, a name, or words of their own', async () => {
    typed = ['2', 'blue', ' green '];
    const questions = [color, { ...color, id: 'b' }, { ...color, id: 'c', options: null }];
    answerer('ask').take(request(INPUT, { itemId: 'i', questions }));
    await settled();
    const answers = { color: { answers: ['Red'] }, b: { answers: ['Blue'] }, c: { answers: ['green'] } };
    expect(sent).to.deep.equal([[0, { answers }]]);
    expect(shown).to.include('Which color?\n  1: Blue (calm)\n  2: Red (loud)\n');
  });

  it('is none any more when another client was faster', async () => {
    const asked = answerer('ask');
    asked.take(request(COMMAND, command, 7));
    asked.take(request(COMMAND, command, 8));
    await settled();
    typed = ['y'];
    const resolved = (requestId: number) =>
      ({ method: 'serverRequest/resolved', params: { threadId: 't', requestId } }) as ServerNotification;
    asked.hear(resolved(7));
    await settled();
    expect([sent, prompts.length]).to.deep.equal([[[8, { decision: 'accept' }]], 2]);
    expect(shown).to.include('That was answered elsewhere, or is not asked any more.\n');
  });

  it('is asked anew after the connection was lost', async () => {
    const asked = answerer('ask');
    for (const id of [0, 1]) asked.take(request(COMMAND, command, id));
    await settled();
    asked.reset();
    await settled();
    typed = ['y'];
    asked.take(request(COMMAND, command, 1));
    await settled();
    expect(sent).to.deep.equal([[1, { decision: 'accept' }]]);
  });

  it('is a clear no where nobody is there', () => {
    const asked = answerer('decline');
    asked.take(request(COMMAND, command));
    asked.take(request(INPUT, { itemId: 'i', questions: [color] }, 1));
    expect(sent).to.deep.equal([
      [0, { decision: 'decline' }],
      [1, -32000, 'nobody is at a terminal to answer'],
    ]);
    expect(shown.split('\n')).to.deep.equal([
      'Declined, because nobody is at a terminal to answer (see --approve): The agent wants to run: rm -rf [31mbuild in /srv because: it is stale',
      'Not answered, because nobody is at a terminal to answer: The agent asks: Color',
      '',
    ]);
  });

  it('is a yes to all that can be allowed, when told so', () => {
    const asked = answerer('accept');
    asked.take(request(COMMAND, command));
    asked.take(request(PATCH, { itemId: 'i', reason: null, grantRoot: null }, 1));
    expect(sent).to.deep.equal([
      [0, { decision: 'accept' }],
      [1, { decision: 'accept' }],
    ]);
  });

  it('is left to others when told so, and when it is for a program', () => {
    answerer('leave').take(request(COMMAND, command));
    answerer('accept').take(request('item/tool/call', { tool: 'rake' }));
    expect([sent, shown]).to.deep.equal([[], 'The agent asks for an answer: give it in another client.\n'.repeat(2)]);
  });
});
