// Every byte at which a rollout can be cut: what was whole is there, for people, for the model, and for what comes next.
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { loadHistory } from '../../src/agent/load-history.js';
import type { LoadedHistory } from '../../src/agent/load-history.js';
import { callIdOf, isCall } from '../../src/agent/tool-calls.js';
import { IndexService } from '../../src/index/index-service.js';
import type { Turn } from '../../src/protocol/thread.js';
import { rolloutPathFor } from '../../src/rollout/file-name.js';
import type { HistoryMode, RolloutLine } from '../../src/rollout/line.js';
import type { RolloutRange } from '../../src/rollout/lineage.js';
import { readRolloutLines } from '../../src/rollout/read-rollout-lines.js';
import { turnLineKinds } from '../../src/rollout/turn-line-kinds.js';
import { TurnProjection } from '../../src/rollout/turns.js';
import { createdAtOf, idOf } from '../support/rollout-home.js';
import { turnLines } from '../support/rollout-lines.js';
import { ordinalText } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';
import { SAMPLES, sampleText, sourceText, wholeLines, WORDS, writeSource } from './cut-samples.js';
import type { Sample } from './cut-samples.js';

const ID = idOf(1);
/** Everywhere else a cut is like its neighbours for whoever reads the file once more. */
const NEAR_LINE_END = 2;
const EVERY = 64;
/** Cuts that are looked at at the same time. */
const LANES = 16;

describe('a rollout that is cut anywhere', function () {
  this.timeout(60_000);
  const home = useTempFolder();

  for (const sample of SAMPLES) {
    it(`has every record that is whole, and goes on from there (${sample})`, async () => {
      const source = writeSource(home());
      const content = Buffer.from(sampleText(sample, 1, source));
      const sources = sample === 'fork' ? [{ path: source, end: Buffer.byteLength(sourceText(source)) }] : [];
      const cuts = new CutFile({ sample, content, sources, before: sample === 'fork' ? sourceText(source) : '' });
      // Reading waits for the disk more than for us.
      const lanes = Array.from({ length: LANES }, async (_, lane) => {
        const path = rolloutPathFor(home(), createdAtOf(2 + lane), idOf(2 + lane));
        const service = new IndexService(home());
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
        for (let size = content.length - lane; size >= 0; size -= LANES) await cuts.check(size, path, service);
      });
      await Promise.all(lanes);
    });
  }
});

interface CutFileOptions {
  sample: Sample;
  content: Buffer;
  /** What precedes the file, and the text of it. */
  sources: RolloutRange[];
  before: string;
}

class CutFile {
  readonly #options: CutFileOptions;
  readonly #mode: HistoryMode;
  /** By how much of the file is whole: comparing texts that are made once is what makes this fast enough. */
  readonly #expectations = new Map<number, string>();

  constructor(options: CutFileOptions) {
    this.#options = options;
    this.#mode = options.sample === 'legacy' ? 'legacy' : 'paginated';
  }

  /** Leaves the file at `path`, which is `size` bytes long or longer, as it likes. */
  async check(size: number, path: string, service: IndexService): Promise<void> {
    const { content, before } = this.#options;
    const at = `cut at ${size}`;
    truncateSync(path, size);
    if (size < content.indexOf(0x0a)) {
      expect(await codeOf(this.#load(path)), at).to.equal('rollout_unreadable');
      return;
    }
    const lineStart = content.lastIndexOf(0x0a, size - 1) + 1;
    const isTorn = lineStart < size && content[size] !== 0x0a;
    const wholeEnd = isTorn || lineStart === size ? lineStart : size + 1;
    const loaded = await this.#load(path);
    const { turns, setAside } = await this.#project(path);
    expect(JSON.stringify([...seen(loaded), turns.map(shown)]), at).to.equal(this.#expectAt(wholeEnd));
    // The ordinal of a torn line may be left out.
    const counted = this.#mode === 'legacy' ? 0 : linesIn(before) + linesIn(content.toString('latin1', 0, wholeEnd));
    expect(loaded.nextOrdinal - counted, at).to.be.oneOf([0, isTorn ? 1 : 0]);
    const torn = isTorn ? 1 : 0;
    const ends = [loaded.tornTail, loaded.warnings.length, setAside];
    expect(JSON.stringify(ends), at).to.equal(JSON.stringify([lineStart < size, torn, torn]));
    const around = content.subarray(size - NEAR_LINE_END, size + NEAR_LINE_END);
    if (around.includes(0x0a) || size % EVERY === 0) await this.#goOn(size, path, service, { loaded, turns });
  }

  /** A turn more behind the cut, as a session would write it: it is there, and all that was there before. */
  async #goOn(
    size: number,
    path: string,
    service: IndexService,
    { loaded, turns }: { loaded: LoadedHistory; turns: Turn[] },
  ): Promise<void> {
    const at = `cut at ${size}`;
    expect(await read(service, path), at).to.deep.equal(turns);
    const next = ordinalText(turnLines('next', 'question', 'answer'), loaded.nextOrdinal);
    const ending = Buffer.from(`${loaded.tornTail ? '\n' : ''}${next}`);
    writeFileSync(path, Buffer.concat([this.#options.content.subarray(0, size), ending]));
    const after = await read(service, path);
    expect(after.slice(0, -1), at).to.deep.equal(turns);
    expect(after.at(-1)!.id, at).to.equal('next');
    expect((await this.#load(path)).items.slice(0, loaded.items.length), at).to.deep.equal(loaded.items);
  }

  #load(path: string): Promise<LoadedHistory> {
    const { sources } = this.#options;
    return loadHistory({ type: 'resumed', conversationId: ID, rolloutPath: path, sources }, null, ID);
  }

  async #project(path: string): Promise<{ turns: Turn[]; setAside: number }> {
    const projection = new TurnProjection({ mode: this.#mode });
    const kinds = turnLineKinds(this.#mode);
    let setAside = 0;
    for (const { path: file, ...range } of [...this.#options.sources, { path }]) {
      const lines = await readRolloutLines(file, (line) => projection.apply(line), { kinds, ...range });
      setAside += lines.setAside.count;
    }
    return { turns: projection.turns(), setAside };
  }

  #expectAt(wholeEnd: number): string {
    const { before, content } = this.#options;
    const known = this.#expectations.get(wholeEnd);
    if (known !== undefined) return known;
    const whole = wholeLines(before, content.subarray(0, wholeEnd).toString());
    const expected = JSON.stringify([...expectedLoad(whole), shownIn(whole, this.#mode)]);
    this.#expectations.set(wholeEnd, expected);
    return expected;
  }
}

async function read(service: IndexService, path: string): Promise<Turn[]> {
  const reply = await service.answer({ requestId: 1, method: 'read', params: { path, includeTurns: true } });
  if ('error' in reply) throw new Error(reply.error.code);
  return JSON.parse((reply.result as { turnsJson: string }).turnsJson) as Turn[];
}

const NAMES = ['one', 'two', 'and this', 'three'];

/** What the model sees, which outputs are made up for it, the turn that is to be closed, the messages that are known. */
function seen({ items, recovery, sent }: LoadedHistory): unknown[] {
  const known = NAMES.filter((name) => {
    const text = `${name} ${WORDS}`;
    return sent.find(name, [{ type: 'text', text, text_elements: [] }]) !== null;
  });
  const madeUp = new Set(recovery?.danglingOutputs);
  return [items.filter((item) => !madeUp.has(item)), [...madeUp].map(callIdOf), recovery?.turnId ?? null, known];
}

/** The same from the whole lines alone. */
function expectedLoad(whole: readonly RolloutLine[]): unknown[] {
  // Words that nobody was shown are not for the model.
  const end = whole.at(-1);
  const isUnseen = end?.type === 'response_item' && JSON.stringify(end).includes('user.text');
  const items = whole
    .slice(0, isUnseen ? -1 : undefined)
    .flatMap((line) => (line.type === 'response_item' ? [line.payload] : []));
  const outputs = items.filter(({ type }) => type === 'function_call_output').map(callIdOf);
  const open = items.filter((item) => isCall(item) && !outputs.includes(callIdOf(item))).map(callIdOf);
  const marks = whole.flatMap((line) => (line.type === 'event_msg' && 'turn_id' in line.payload ? [line.payload] : []));
  const last = marks.at(-1);
  const isOver = last === undefined || last.type === 'task_complete' || last.type === 'turn_aborted';
  return [items, open, isOver ? null : last.turn_id, whole.flatMap((line) => clientIdOf(line) ?? [])];
}

function linesIn(text: string): number {
  return text.split('\n').length - 1;
}

function clientIdOf(line: RolloutLine): string | null | undefined {
  if (line.type !== 'event_msg') return null;
  const { payload } = line;
  if (payload.type === 'user_message') return payload.client_id;
  return payload.type === 'item_completed' && payload.item.type === 'UserMessage' ? payload.item.client_id : null;
}

function shown({ id, status, items }: Turn): unknown[] {
  return [id, status, items.map((item) => ('clientId' in item ? (item.clientId ?? item.id) : item.type))];
}

/** The same from the lines, in another way than the product does it. */
function shownIn(whole: readonly RolloutLine[], mode: HistoryMode): unknown[] {
  const turns: [string, string, string[]][] = [];
  for (const { type, payload } of whole as readonly { type: string; payload: any }[]) {
    const items = turns.at(-1)?.[2] ?? [];
    if (type === 'response_item' && mode === 'legacy' && payload.type === 'function_call')
      items.push(callKind(payload));
    if (type !== 'event_msg') continue;
    if (payload.type === 'task_started') turns.push([payload.turn_id, 'interrupted', []]);
    if (payload.type === 'task_complete') turns.at(-1)![1] = 'completed';
    if (payload.type === 'user_message') items.push(payload.client_id);
    if (payload.type === 'agent_message') items.push('agentMessage');
    if (payload.type === 'agent_reasoning') items.push('reasoning');
    if (payload.type !== 'item_completed') continue;
    const { item } = payload;
    items.push(
      item.type === 'UserMessage' ? (item.client_id ?? item.id) : item.type[0].toLowerCase() + item.type.slice(1),
    );
  }
  return turns;
}

function callKind({ arguments: args }: { arguments: string }): string {
  return args === '{}' ? 'dynamicToolCall' : 'commandExecution';
}

async function codeOf(failing: Promise<unknown>): Promise<string> {
  return failing.then(
    () => 'none',
    (error: { code: string }) => error.code,
  );
}
