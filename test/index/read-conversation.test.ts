import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import type { ConversationSummary, DescribeResult, IndexCalls, ReadResult } from '../../src/index/index-messages.js';
import { IndexService } from '../../src/index/index-service.js';
import type { Turn } from '../../src/protocol/thread.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { createdAtOf, idOf } from '../support/rollout-home.js';
import {
  agentItemLine,
  assistantLine,
  eventLine,
  metaLine,
  startedLine,
  turnContextLine,
  turnLines,
  userItemLine,
} from '../support/rollout-lines.js';
import { baseAt, ordinalText, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

/** Lines of one turn, and how many they are. */
const TURN = turnLines('t', 'q', 'a').length;

function settingsLine(thread_settings: Record<string, unknown>): RolloutLine {
  return eventLine({ type: 'thread_settings_applied', thread_id: 'thread', thread_settings });
}

describe('reading a conversation that lies in several files', () => {
  const home = useTempFolder();
  let service: IndexService;

  beforeEach(() => {
    service = new IndexService(home());
  });

  async function ask<M extends 'read' | 'describe'>(
    method: M,
    params: IndexCalls[M]['params'],
  ): Promise<IndexCalls[M]['result']> {
    const reply = await service.answer({ requestId: 1, method, params } as never);
    if ('error' in reply) throw reply.error as unknown as Error;
    return reply.result as IndexCalls[M]['result'];
  }

  const read = (path: string, end?: number): Promise<ReadResult> =>
    ask('read', { path, includeTurns: true, ...(end === undefined ? {} : { end }) });
  const describeFile = (path: string): Promise<DescribeResult> => ask('describe', { path });

  async function turnIds(path: string, end?: number): Promise<string[]> {
    return (JSON.parse((await read(path, end)).turnsJson!) as Turn[]).map(({ id }) => id);
  }

  async function failure(call: Promise<unknown>): Promise<unknown> {
    return call.then(
      () => expect.fail('no failure'),
      (error: unknown) => error as DaemonError,
    );
  }

  /** One file with these turns of one question and one answer each. */
  function writeTurns(number: number, turns: string, more: Partial<Parameters<typeof writeSegment>[1]> = {}): string {
    const lines = turns.split('').flatMap((turn) => turnLines(turn, `question ${turn}`, `answer ${turn}`));
    return writeSegment(home(), { number, lines, ...more });
  }

  function moveToArchive(path: string): string {
    const archived = join(home(), 'archived_sessions', basename(path));
    mkdirSync(dirname(archived), { recursive: true });
    renameSync(path, archived);
    return archived;
  }

  it('shows a fork what it inherits, and then its own', async () => {
    const source = writeTurns(1, 'abc');
    const fork = writeTurns(2, 'de', { base: baseAt(source, 1 + 2 * TURN), meta: { forked_from_id: idOf(1) } });
    expect(await turnIds(fork)).to.deep.equal(['a', 'b', 'd', 'e']);
    const { summary, sources } = await describeFile(fork);
    expect([summary.id, summary.forkedFromId, summary.preview, sources]).to.deep.equal([
      idOf(2),
      idOf(1),
      'question a',
      [{ path: source, end: baseAt(source, 1 + 2 * TURN).end_byte_offset }],
    ]);
  });

  it('shows a fork of a fork all that it goes back to', async () => {
    const source = writeTurns(1, 'ab');
    const fork = writeTurns(2, 'cd', { base: baseAt(source, 1 + TURN) });
    const second = writeTurns(3, 'e', { base: baseAt(fork, 1 + TURN) });
    const third = writeTurns(4, '', { base: baseAt(second) });
    expect(await turnIds(third)).to.deep.equal(['a', 'c', 'e']);
    expect((await describeFile(third)).sources.map(({ path }) => path)).to.deep.equal([source, fork, second]);
  });

  it('shows what a revert kept, and not what it took away', async () => {
    const first = writeTurns(1, 'abc');
    const second = writeTurns(2, 'd', { of: 1, base: baseAt(first, 1 + TURN) });
    const third = writeTurns(3, 'e', { of: 1, base: baseAt(second) });
    expect(await turnIds(third)).to.deep.equal(['a', 'd', 'e']);
    expect(await turnIds(first)).to.deep.equal(['a', 'b', 'c']);
    const { summary } = await describeFile(third);
    expect([summary.id, summary.path, summary.createdAt, summary.updatedAt]).to.deep.equal([
      idOf(1),
      third,
      createdAtOf(3).getTime() / 1000,
      createdAtOf(3).getTime() / 1000 + 1,
    ]);
  });

  it('goes on with a source that grows, that is archived, or that was edited before the cut', async () => {
    const source = writeTurns(1, 'ab');
    const fork = writeTurns(2, 'c', { base: baseAt(source, 1 + TURN) });
    appendFileSync(source, ordinalText(turnLines('later', 'q', 'a'), 1 + 2 * TURN));
    expect(await turnIds(fork)).to.deep.equal(['a', 'c']);
    const archived = moveToArchive(source);
    expect(await turnIds(fork)).to.deep.equal(['a', 'c']);
    writeFileSync(archived, ordinalText([metaLine(idOf(1)), ...turnLines('a', 'edited', 'a'), startedLine('b')], 0));
    expect(await turnIds(fork)).to.deep.equal(['a', 'c']);
    expect((await describeFile(fork)).summary.preview).to.equal('edited');
  });

  it('reads its own file up to a byte, and all that its sources keep', async () => {
    const source = writeTurns(1, 'ab');
    const fork = writeTurns(2, 'cd', { base: baseAt(source) });
    expect(await turnIds(fork, baseAt(fork, 1 + TURN).end_byte_offset)).to.deep.equal(['a', 'b', 'c']);
  });

  it('fails with the name of a source that is missing', async () => {
    const source = writeTurns(1, 'a');
    const fork = writeTurns(2, 'b', { base: baseAt(source) });
    rmSync(source);
    const error = {
      code: 'lineage_broken',
      message: `invalid paginated history lineage for ${idOf(1)}: missing source rollout`,
      data: { threadId: idOf(2), source: idOf(1) },
    };
    expect([await failure(read(fork)), await failure(describeFile(fork))]).to.deep.equal([error, error]);
  });

  it('fails when files refer to each other in a circle', async () => {
    const source = writeTurns(1, 'a');
    const fork = writeTurns(2, 'b', { base: baseAt(source) });
    writeTurns(1, 'a', { base: baseAt(fork) });
    expect(await failure(read(fork))).to.include({ code: 'lineage_broken' });
  });

  it('counts the damaged lines of all files', async () => {
    const source = writeTurns(1, 'a');
    appendFileSync(source, 'garbage\n');
    const fork = writeTurns(2, 'b', { base: { ...baseAt(source), end_ordinal_exclusive: 1 + TURN } });
    appendFileSync(fork, '\n{"torn');
    expect((await read(fork)).setAside).to.equal(3);
  });

  it('counts token usage over all files', async () => {
    const counts = {
      input_tokens: 1,
      cached_input_tokens: 0,
      output_tokens: 2,
      reasoning_output_tokens: 0,
      total_tokens: 3,
    };
    const info = { total_token_usage: counts, last_token_usage: counts };
    const source = writeSegment(home(), {
      number: 1,
      lines: [startedLine('a'), eventLine({ type: 'token_count', info })],
    });
    const fork = writeTurns(2, 'b', { base: baseAt(source) });
    const { tokenUsage } = await read(fork);
    expect([tokenUsage?.turnId, tokenUsage?.usage.total.totalTokens]).to.deep.equal(['a', 3]);
  });

  describe('its preview', () => {
    it('is its own first message when it inherits none', async () => {
      const source = writeTurns(1, '');
      const fork = writeTurns(2, 'b', { base: baseAt(source) });
      expect([(await describeFile(fork)).summary.preview, (await read(fork)).summary.preview]).to.deep.equal([
        'question b',
        'question b',
      ]);
    });

    it('is that of before when all was reverted and nothing said since', async () => {
      const first = writeTurns(1, 'ab');
      writeTurns(2, 'c', { of: 1, base: baseAt(first, 1) });
      writeTurns(3, '', { of: 1, base: baseAt(first, 1) });
      const last = writeTurns(4, '', { of: 1 });
      expect([(await describeFile(last)).summary.preview, (await read(last)).summary.preview]).to.deep.equal([
        'question c',
        'question c',
      ]);
      expect(await turnIds(last)).to.deep.equal([]);
    });
  });

  it('goes on from nothing when it names no file', async () => {
    writeFileSync(writeSegment(home(), { number: 1, lines: [] }), 'garbage\n');
    const base = { end_ordinal_exclusive: 3, end_byte_offset: 8 } as never;
    const path = writeSegment(home(), { number: 2, meta: { history_base: base }, lines: turnLines('a', 'q', 'r') });
    expect((await describeFile(path)).sources).to.deep.equal([]);
    expect(await turnIds(path)).to.deep.equal(['a']);
  });

  it('is described by all of it, however late a user says something', async () => {
    const answer = assistantLine('x'.repeat(2 ** 20));
    const path = writeSegment(home(), {
      number: 1,
      lines: [
        turnContextLine({ model: 'old' }),
        ...Array.from({ length: 65 }, () => answer),
        turnContextLine({ model: 'new' }),
        userItemLine('t', 'u', 'late'),
      ],
    });
    const { model, preview } = (await describeFile(path)).summary;
    expect({ model, preview }).to.deep.equal({ model: 'new', preview: 'late' });
  });

  describe('its settings', () => {
    type Settings = Pick<
      ConversationSummary,
      | 'model'
      | 'modelProvider'
      | 'cwd'
      | 'workspaceRoots'
      | 'approvalPolicy'
      | 'sandboxPolicy'
      | 'reasoningEffort'
      | 'developerInstructions'
    >;

    async function settings(path: string): Promise<Settings> {
      const described = (await describeFile(path)).summary;
      expect((await read(path)).summary, 'the same however it is read').to.deep.equal(described);
      const { model, modelProvider, cwd, workspaceRoots, approvalPolicy, sandboxPolicy } = described;
      const { reasoningEffort, developerInstructions } = described;
      return {
        model,
        modelProvider,
        cwd,
        workspaceRoots,
        approvalPolicy,
        sandboxPolicy,
        reasoningEffort,
        developerInstructions,
      };
    }

    const filler = agentItemLine('a', 'long', 'x'.repeat(200_000));

    it('are those of the last line that says each, whatever its kind', async () => {
      const path = writeSegment(home(), {
        number: 1,
        lines: [
          settingsLine({ model: 'm0', model_provider_id: 'other', developer_instructions: 'Be kind.', effort: 'low' }),
          filler,
          ...turnLines('a', 'q', 'a'),
          filler,
          settingsLine({ effort: 'high', permission_profile: { type: 'disabled' }, runtime_workspace_roots: ['/w'] }),
          filler,
        ],
      });
      expect(await settings(path)).to.deep.equal({
        model: 'gpt-test',
        modelProvider: 'other',
        cwd: '/home/user/ws',
        workspaceRoots: ['/w'],
        approvalPolicy: 'never',
        sandboxPolicy: { type: 'dangerFullAccess' },
        reasoningEffort: 'high',
        developerInstructions: 'Be kind.',
      });
    });

    it('are inherited, but for what the first line of the file says', async () => {
      const source = writeSegment(home(), {
        number: 1,
        meta: { runtime_workspace_roots: ['/old'] },
        lines: [
          settingsLine({ model_provider_id: 'other', developer_instructions: 'Be kind.', cwd: '/old' }),
          settingsLine({ runtime_workspace_roots: ['/old'] }),
          ...turnLines('a', 'q', 'a'),
          settingsLine({ effort: 'high' }),
          ...turnLines('b', 'q', 'a'),
        ],
      });
      const fork = writeSegment(home(), {
        number: 2,
        base: baseAt(source, 1 + 2 + TURN + 1),
        meta: { cwd: '/new', model_provider: 'mine' },
        lines: [],
      });
      expect(await settings(fork)).to.deep.equal({
        model: 'gpt-test',
        modelProvider: 'mine',
        cwd: '/new',
        workspaceRoots: null,
        approvalPolicy: 'never',
        sandboxPolicy: { type: 'readOnly', networkAccess: false },
        reasoningEffort: 'high',
        developerInstructions: 'Be kind.',
      });
    });

    it('may be changed before anything is said', async () => {
      const lines = [settingsLine({ model: 'm', sandbox_policy: { type: 'danger-full-access' }, cwd: '/w' })];
      expect(await settings(writeSegment(home(), { number: 1, lines }))).to.deep.include({
        model: 'm',
        modelProvider: 'mock',
        cwd: '/w',
        sandboxPolicy: { type: 'dangerFullAccess' },
        approvalPolicy: null,
      });
    });
  });

  it('shows the live turn of a fork in progress', async () => {
    const source = writeTurns(1, 'a');
    const lines = [startedLine('b'), turnContextLine(), userItemLine('b', 'u', 'q')];
    const fork = writeSegment(home(), { number: 2, base: baseAt(source), lines });
    const running = { type: 'plan', id: 'p', text: 'half', startedAtMs: 1, completedAtMs: null } as const;
    const params = { path: fork, includeTurns: true, liveTurnId: 'b', runningItems: [running] };
    const turns = JSON.parse((await ask('read', params)).turnsJson!) as Turn[];
    expect(turns.map(({ id, status, items }) => [id, status, items.map((item) => item.id)])).to.deep.equal([
      ['a', 'completed', ['a-user', 'a-agent']],
      ['b', 'inProgress', ['u', 'p']],
    ]);
  });
});
