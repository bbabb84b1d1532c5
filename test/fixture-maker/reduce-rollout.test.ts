import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { readRecordedFiles } from '../support/rollout-set.js';
import { LONGEST_TEXT, REMOVED, reduceRollout } from './reduce-rollout.js';
import { reduceSet } from './reduced-set.js';

const FOLDER = resolve('test/fixtures/rollouts');
const PROSE = 'You are an agent that does as it is told. '.repeat(10);

function line(type: string, payload: object): string {
  return JSON.stringify({ timestamp: '2026-11-20T10:00:00.000Z', type, payload });
}

function message(role: string, text: string): string {
  return line('response_item', { type: 'message', role, content: [{ type: 'input_text', text }] });
}

describe('reduceRollout', () => {
  it('takes out instructions wherever they stand, and keeps the tags that readers know them by', () => {
    const reduced = reduceRollout(
      [
        line('session_meta', { id: 'a', instructions: PROSE, base_instructions: { text: PROSE, provenance: null } }),
        message('developer', PROSE),
        message('developer', `<permissions instructions>${PROSE}</permissions instructions>`),
        message('user', `<environment_context>\n${PROSE}\n</environment_context>`),
        message('user', `# AGENTS.md instructions for /ws\n\n<INSTRUCTIONS>\n${PROSE}\n</INSTRUCTIONS>`),
        message('user', `Another language model started this. ${PROSE}\nthe summary`),
        line('compacted', { message: `Another language model started this. ${PROSE}\nthe summary` }),
        line('turn_context', { cwd: '/', user_instructions: PROSE, mode: { developer_instructions: PROSE } }),
        line('world_state', { full: true, state: { skills: { body: PROSE }, model: 'gpt' } }),
      ].join('\n'),
      [],
    );
    expect(reduced.split('\n')).to.deep.equal([
      line('session_meta', { id: 'a', instructions: REMOVED, base_instructions: { text: REMOVED, provenance: null } }),
      message('developer', REMOVED),
      message('developer', `<permissions instructions>${REMOVED}</permissions instructions>`),
      message('user', `<environment_context>${REMOVED}</environment_context>`),
      message('user', `# AGENTS.md instructions for /ws\n\n<INSTRUCTIONS>${REMOVED}</INSTRUCTIONS>`),
      message('user', `${REMOVED}\nthe summary`),
      line('compacted', { message: `${REMOVED}\nthe summary` }),
      line('turn_context', { cwd: '/', user_instructions: REMOVED, mode: { developer_instructions: REMOVED } }),
      line('world_state', { full: true, state: { skills: { body: REMOVED }, model: 'gpt' } }),
    ]);
  });

  it('keeps every byte of what people, models and commands said, also of a line that was cut', () => {
    const text = `${message('user', 'hi <b>')}\n{"timestamp":"x", "n": 1.0,"payload":{"type":"y","output":"z"}}\n{"cut":"at`;
    expect(reduceRollout(text, [])).to.equal(text);
  });

  it('renames paths everywhere', () => {
    const text = line('turn_context', { cwd: '/tmp/x/ws', arguments: JSON.stringify({ path: '/tmp/x/ws/a' }) });
    expect(reduceRollout(text, [['/tmp/x/ws', '/home/user/ws']])).to.equal(
      text.replaceAll('/tmp/x/ws', '/home/user/ws'),
    );
  });

  it('refuses to leave a long text of which no rule speaks', () => {
    expect(() => reduceRollout(line('event_msg', { type: 'new', hint: PROSE }), [])).to.throw('no rule takes this out');
  });
});

describe('reduceSet', () => {
  const SOURCE = '01a20000-0000-7000-8000-000000000001';
  const FORK = '01a20000-0000-7000-8000-000000000002';
  const pathOf = (id: string): string => `sessions/2026/11/20/rollout-2026-11-20T10-00-00-${id}.jsonl`;
  const head = line('session_meta', { id: SOURCE, cli_version: '1', base_instructions: { text: PROSE } });
  const source = `${head}\n${message('user', 'one')}\n${message('user', 'two')}\n`;
  const offset = source.indexOf(message('user', 'two'));
  const base = { thread_id: SOURCE, end_ordinal_exclusive: 2, end_byte_offset: offset };
  const fork = `${line('session_meta', { id: FORK, cli_version: '1', history_base: base })}\n`;

  it('names the bytes of the reduced file where another goes on from', () => {
    const [first, second] = reduceSet(
      [
        { name: 'source', original: pathOf(SOURCE), text: source },
        { name: 'fork', original: pathOf(FORK), text: fork },
      ],
      [],
    );
    const newOffset = first!.text.indexOf(message('user', 'two'));
    expect(newOffset).to.be.lessThan(offset);
    expect(second!.text).to.equal(fork.replace(String(offset), String(newOffset)));
    expect(second!.index.base).to.deep.equal({ ...base, end_byte_offset: newOffset, source_file: 'source.jsonl' });
  });

  it('refuses a set in which the source is missing', () => {
    expect(() => reduceSet([{ name: 'fork', original: pathOf(FORK), text: fork }], [])).to.throw('not in the set');
  });
});

describe('the fixtures', () => {
  const files = readRecordedFiles(FOLDER);
  const texts = readdirSync(FOLDER)
    .filter((name) => !name.endsWith('.md'))
    .map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));

  /** Every string of every line, with the names of the fields around it and the role of the message it stands in. */
  const strings = files.flatMap(({ name, bytes }) =>
    bytes
      .toString()
      .split('\n')
      .filter((text) => text !== '')
      .flatMap((text) => stringsIn(JSON.parse(text), []).map((found) => ({ name, ...found }))),
  );

  interface Found {
    path: string;
    role: unknown;
    text: string;
  }

  function stringsIn(value: unknown, path: readonly string[], role?: unknown): Found[] {
    if (typeof value === 'string') return [{ path: path.join('.'), role, text: value }];
    if (Array.isArray(value)) return value.flatMap((element) => stringsIn(element, path, role));
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([field, inner]) =>
      stringsIn(inner, [...path, field], (value as { role?: unknown }).role ?? role),
    );
  }

  it('hold no text that is long enough to be prose', () => {
    expect(strings.length).to.be.greaterThan(1000);
    expect(strings.filter(({ text }) => text.length > LONGEST_TEXT)).to.deep.equal([]);
  });

  it('hold nothing in the places of instructions but words that say so', () => {
    const isInstruction = ({ path, role }: Found): boolean =>
      (role === 'developer' && path.endsWith('.text')) ||
      /(^|\.)(base_instructions\.text|(user|developer)_instructions)$/.test(path) ||
      path === 'payload.instructions';
    const places = strings.filter(isInstruction);
    expect(places.length).to.be.greaterThan(100);
    // The older ones say it by three dots.
    const plain = new RegExp(`^(<[^>]+>)?(${REMOVED}|…)(</[^>]+>)?$`);
    expect(places.filter(({ text }) => !plain.test(text))).to.deep.equal([]);
  });

  it('hold no words of their own between the tags of what the host says', () => {
    const host = /^(?:<(?:environment_context|user_instructions|turn_aborted|user_action)|# AGENTS\.md)/;
    const said = strings.filter(({ role, path, text }) => role === 'user' && path.endsWith('.text') && host.test(text));
    expect(said.length).to.be.greaterThan(30);
    const left = said.map(({ text }) => text.replaceAll(/<[^>]*>|# AGENTS\.md instructions( for \S+)?|\n/g, ''));
    expect(left.filter((text) => text !== REMOVED && text !== '…')).to.deep.equal([]);
  });

  it('hold no sentence that Codex says to its models', () => {
    const sentences = [
      /You are (a|an|Codex|running|acting)\b/,
      /Another language model/,
      /sandbox_mode` is/,
      /SKILL\.md/,
      /User initiated a review/,
      /interrupted the previous turn/,
      /CONTEXT CHECKPOINT/,
      /Plan Mode/,
    ];
    const found = texts.flatMap(({ name, text }) =>
      sentences.filter((sentence) => sentence.test(text)).map((sentence) => `${name}: ${sentence.source}`),
    );
    expect(found).to.deep.equal([]);
  });

  it('name no folder of a machine but the neutral ones', () => {
    const allowed = /^(\/home\/user(\/|$)|\/bin\/bash\b|\/root(\/greeter)?$|\/dev\/null$)/;
    const paths = texts.flatMap(({ name, text }) =>
      [...text.matchAll(/(?<![\w<:/.\\*])(?:file:\/\/)?(\/[a-z][\w.-]*(?:\/[\w.-]+)*)/g)]
        .map(([, path]) => path!)
        .filter((path) => !allowed.test(path))
        .map((path) => `${name}: ${path}`),
    );
    expect(paths).to.deep.equal([]);
  });

  it('hold nothing that looks like a secret, an address or a host', () => {
    const suspicious =
      /\bsk-[A-Za-z0-9]{8}|Bearer |api[_-]?key|\b\d{1,3}(\.\d{1,3}){3}\b|localhost|@(?!look)[a-z]+\.[a-z]/i;
    const found = texts
      .filter(({ text }) => suspicious.test(text))
      .map(({ name, text }) => [name, suspicious.exec(text)![0]]);
    expect(found).to.deep.equal([]);
  });
});
