import { expect } from 'chai';
import fc from 'fast-check';
import { readCallOutput } from '../../src/rollout/call-output.js';
import type { CallOutput } from '../../src/rollout/call-output.js';

function told(outcome: CallOutput['outcome'], text: string, more: Partial<CallOutput> = {}): CallOutput {
  return { outcome, text, exitCode: null, durationMs: null, sessionId: null, ...more };
}

/** As files of these versions have them. */
const RECORDED: [string, unknown, CallOutput][] = [
  [
    '0.34 to 0.130, a command',
    '{"output":"out\\nerr\\n","metadata":{"exit_code":3,"duration_seconds":1.2}}',
    told('failed', 'out\nerr\n', { exitCode: 3, durationMs: 1200 }),
  ],
  [
    '0.34, a session',
    'Wall time: 0.302 seconds\nProcess running with session ID 0\nOutput:\na\r\n',
    told('completed', 'a\r\n', { durationMs: 302, sessionId: '0' }),
  ],
  [
    '0.34, a command that took too long',
    'failed in sandbox None with execution error: command timed out',
    told('failed', 'failed in sandbox None with execution error: command timed out'),
  ],
  [
    '0.34, a command that its sandbox stopped',
    'failed in sandbox LinuxSeccomp with execution error: sandbox denied exec error, exit code: 1, stdout: , stderr: no\n',
    told(
      'failed',
      'failed in sandbox LinuxSeccomp with execution error: sandbox denied exec error, exit code: 1, stdout: , stderr: no\n',
      { exitCode: 1 },
    ),
  ],
  [
    '0.34, a patch that does not fit',
    'error: Failed to read file to update /ws/missing.txt',
    told('failed', 'error: Failed to read file to update /ws/missing.txt'),
  ],
  [
    '0.34, a patch that a rule forbids',
    'patch rejected: writing outside of the project; rejected by user approval settings',
    told('declined', 'patch rejected: writing outside of the project; rejected by user approval settings'),
  ],
  ['0.45, a shell of its own', '{"session_id":"0","output":"$ "}', told('completed', '$ ', { sessionId: '0' })],
  [
    '0.45, a command that a rule forbids',
    'exec command rejected: dangerous command detected; rejected by user approval settings',
    told('declined', 'exec command rejected: dangerous command detected; rejected by user approval settings'),
  ],
  [
    '0.49, a session',
    '{"chunk_id":"19bf27","wall_time_seconds":0.501095496,"output":"start\\r\\n","session_id":0}',
    told('completed', 'start\r\n', { durationMs: 501, sessionId: '0' }),
  ],
  [
    '0.49, a command in one',
    '{"chunk_id":"fd19e9","wall_time_seconds":0.25,"output":"","exit_code":7}',
    told('failed', '', { exitCode: 7, durationMs: 250 }),
  ],
  [
    '0.77, a shell command',
    'Exit code: 124\nWall time: 0.3 seconds\nOutput:\ncommand timed out after 302 milliseconds\n',
    told('failed', 'command timed out after 302 milliseconds\n', { exitCode: 124, durationMs: 300 }),
  ],
  [
    '0.98, a command',
    'Chunk ID: 52c5a4\nWall time: 0.0513 seconds\nProcess exited with code 0\nOriginal token count: 2\nOutput:\nout\n',
    told('completed', 'out\n', { exitCode: 0, durationMs: 51 }),
  ],
  [
    '0.98, a session',
    'Chunk ID: 48cac0\nWall time: 0.3015 seconds\nProcess running with session ID 33122\nOriginal token count: 1\nOutput:\na\n',
    told('completed', 'a\n', { durationMs: 302, sessionId: '33122' }),
  ],
  [
    '0.98, a command without output',
    'Chunk ID: fb2cbd\nWall time: 0.0525 seconds\nProcess exited with code 0\nOriginal token count: 0\nOutput:\n',
    told('completed', '', { exitCode: 0, durationMs: 53 }),
  ],
  [
    '0.98, a command that its sandbox stopped',
    'exec_command failed: CreateProcess { message: "Codex(Sandbox(Denied { output: ExecToolCallOutput { exit_code: 1, stdout" }',
    told(
      'failed',
      'exec_command failed: CreateProcess { message: "Codex(Sandbox(Denied { output: ExecToolCallOutput { exit_code: 1, stdout" }',
      { exitCode: 1 },
    ),
  ],
  [
    '0.98, a command that asks for more than it may',
    'approval policy is Never; reject command — you cannot ask for escalated permissions if the approval policy is Never',
    told(
      'declined',
      'approval policy is Never; reject command — you cannot ask for escalated permissions if the approval policy is Never',
    ),
  ],
  [
    '0.120, a command that a person declined',
    'exec_command failed for `/bin/bash -lc \'touch x\'`: CreateProcess { message: "Rejected(\\"rejected by user\\")" }',
    told(
      'declined',
      'exec_command failed for `/bin/bash -lc \'touch x\'`: CreateProcess { message: "Rejected(\\"rejected by user\\")" }',
    ),
  ],
  [
    '0.120, a patch within a command',
    'Wall time: 0.0000 seconds\nOutput:\n{"output":"Success.\\n","metadata":{"exit_code":0,"duration_seconds":0.0}}',
    told('completed', 'Success.\n', { exitCode: 0, durationMs: 0 }),
  ],
  [
    '0.120, an interrupt',
    'aborted by user after 0.8s',
    told('failed', 'aborted by user after 0.8s', { durationMs: 800 }),
  ],
  [
    '0.169, an interrupt',
    'Wall time: 0.1 seconds\naborted by user',
    told('failed', 'aborted by user', { durationMs: 100 }),
  ],
  [
    '0.169, output that was cut',
    'Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOriginal token count: 9\nOutput:\nWarning: truncated output (original token count: 9)\nTotal output lines: 3\n\n1\n…',
    told('completed', 'Warning: truncated output (original token count: 9)\nTotal output lines: 3\n\n1\n…', {
      exitCode: 0,
      durationMs: 100,
    }),
  ],
  [
    '0.169, a tool of a server',
    [
      { type: 'input_text', text: 'Wall time: 0.0024 seconds\nOutput:' },
      { type: 'input_text', text: 'said hi' },
    ],
    told('completed', 'said hi', { durationMs: 2 }),
  ],
  ['a tool that is not there', 'unsupported call: magic', told('unsupported', 'unsupported call: magic')],
  [
    'a tool that is not there, told in free form',
    'unsupported custom tool call: magic',
    told('unsupported', 'unsupported custom tool call: magic'),
  ],
  [
    'a call that made no sense',
    'failed to parse function arguments: expected ident at line 1 column 2',
    told('failed', 'failed to parse function arguments: expected ident at line 1 column 2'),
  ],
];

describe('readCallOutput', () => {
  for (const [what, output, expected] of RECORDED) {
    it(`reads what a model was told: ${what}`, () => {
      expect(readCallOutput(output)).to.deep.equal(expected);
    });
  }

  it('takes other text as it is, be it JSON or not', () => {
    const texts = ['Plan updated', '{"output":"mine"}', '{"exit_code":1}', '[{"type":"text","text":"hi"}]', '{"'];
    expect(texts.map(readCallOutput)).to.deep.equal(texts.map((text) => told('completed', text)));
  });

  it('does not take words in the middle for those of the host', () => {
    const text = 'All is well.\nunsupported call: magic\nexec command rejected by user\nExit code: 1\n';
    expect(readCallOutput(text)).to.deep.equal(told('completed', text));
  });

  it('reads anything', () => {
    fc.assert(
      fc.property(fc.anything(), (output) => {
        expect(readCallOutput(output)).to.have.all.keys('outcome', 'text', 'exitCode', 'durationMs', 'sessionId');
      }),
    );
  });
});
