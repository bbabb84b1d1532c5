import { expect } from 'chai';
import { itemLines, toRecordedError, turnContextPayload } from '../../src/agent/turn-lines.js';
import type { CoreItem } from '../../src/rollout/line.js';
import type { CodexErrorInfo } from '../../src/protocol/thread.js';

describe('the lines of a turn', () => {
  it('spell the kind of an error as the rollout does', () => {
    const kinds: [CodexErrorInfo | null, unknown][] = [
      [null, 'other'],
      ['other', 'other'],
      ['contextWindowExceeded', 'context_window_exceeded'],
      ['usageLimitExceeded', 'usage_limit_exceeded'],
      [{ httpConnectionFailed: { httpStatusCode: 401 } }, { http_connection_failed: { http_status_code: 401 } }],
      [
        { responseTooManyFailedAttempts: { httpStatusCode: null } },
        { response_too_many_failed_attempts: { http_status_code: null } },
      ],
    ];
    for (const [info, core] of kinds) {
      const error = { message: 'm', codexErrorInfo: info, additionalDetails: null, misalignment: null };
      expect(toRecordedError(error).codex_error_info).to.deep.equal(core);
    }
  });

  it('say what a sandbox allows in both spellings', () => {
    const recorded = (sandboxPolicy: object): unknown[] => {
      const settings = { cwd: '/ws', model: 'm', approvalPolicy: 'never', sandboxPolicy, reasoningEffort: null };
      const payload = turnContextPayload('turn', settings as never) as Record<string, unknown>;
      return [payload['sandbox_policy'], payload['permission_profile']];
    };
    expect(recorded({ type: 'dangerFullAccess' })).to.deep.equal([
      { type: 'danger-full-access' },
      { type: 'disabled' },
    ]);
    const policy = {
      type: 'workspaceWrite' as const,
      writableRoots: ['/extra'],
      networkAccess: true,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: false,
    };
    expect(recorded(policy)).to.deep.equal([
      {
        type: 'workspace-write',
        writable_roots: ['/extra'],
        network_access: true,
        exclude_tmpdir_env_var: true,
        exclude_slash_tmp: false,
      },
      {
        type: 'managed',
        file_system: {
          type: 'restricted',
          entries: [
            { path: { type: 'special', value: { kind: 'root' } }, access: 'read' },
            { path: { type: 'path', path: '/ws' }, access: 'write' },
            { path: { type: 'path', path: '/extra' }, access: 'write' },
            { path: { type: 'special', value: { kind: 'slash_tmp' } }, access: 'write' },
            ...['/ws/.git', '/ws/.agents', '/ws/.codex', '/ws/.aws'].map((path) => ({
              path: { type: 'path', path },
              access: 'read',
              missing_path_behavior: 'skip',
            })),
          ],
        },
        network: 'enabled',
      },
    ]);
  });

  it('record an item whole in a paginated file, and as events where a legacy reader looks for them', () => {
    const items: CoreItem[] = [
      { type: 'UserMessage', id: 'u', content: [{ type: 'text', text: 'hi', text_elements: [] }] },
      { type: 'AgentMessage', id: 'a', content: [{ type: 'Text', text: 'hello' }], phase: 'final_answer' },
      { type: 'Reasoning', id: 'r', summary_text: ['one', 'two'], raw_content: ['raw'] },
    ];
    const lines = (mode: 'paginated' | 'legacy') =>
      items.map((item) => itemLines(mode, 'thread', 'turn', item, 1, 2).map(({ payload }) => payload as any));
    expect(lines('paginated').flat()).to.deep.equal(
      items.map((item) => ({
        type: 'item_completed',
        thread_id: 'thread',
        turn_id: 'turn',
        item,
        started_at_ms: 1,
        completed_at_ms: 2,
      })),
    );
    const legacy = lines('legacy').map((events) => events.map(({ type, message, text }) => [type, message ?? text]));
    expect(legacy).to.deep.equal([
      [['user_message', 'hi']],
      [['agent_message', 'hello']],
      [
        ['agent_reasoning', 'one'],
        ['agent_reasoning', 'two'],
      ],
    ]);
  });
});
