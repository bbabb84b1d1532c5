// A command's result as the model reads it, and as the reader of rollouts reads it back. Main thread.
import { expect } from 'chai';
import { describeResult } from '../../../src/agent/exec/describe-result.js';
import type { ExecResult } from '../../../src/agent/exec/running-command.js';
import { readCallOutput } from '../../../src/rollout/call-output.js';

const RESULT: ExecResult = {
  processId: 4711,
  exit: { code: 2, signal: null },
  output: { head: 'one\ntwo\n', tail: '', omittedBytes: 0, totalBytes: 8 },
  wallTimeMs: 301.44,
  chunkId: 'a1b2c3',
};

describe('describeResult()', () => {
  it('tells how a command ended and what it wrote', () => {
    expect(describeResult(RESULT)).to.equal(
      'Chunk ID: a1b2c3\nWall time: 0.3014 seconds\nProcess exited with code 2\nOriginal token count: 2\nOutput:\none\ntwo\n',
    );
  });

  it('names the number of one that runs on', () => {
    expect(readCallOutput(describeResult({ ...RESULT, exit: null }))).to.deep.equal({
      outcome: 'completed',
      text: 'one\ntwo\n',
      exitCode: null,
      durationMs: 301,
      sessionId: '4711',
    });
  });

  it('gives a command that a signal ended the code that shells give it', () => {
    const { exitCode } = readCallOutput(describeResult({ ...RESULT, exit: { code: null, signal: 'SIGKILL' } }));
    expect(exitCode).to.equal(137);
  });

  it('leaves out the middle of what is too long, and counts the tokens of all', () => {
    const output = { head: 'a'.repeat(400), tail: '', omittedBytes: 0, totalBytes: 400 };
    expect(
      describeResult({ ...RESULT, output }, 10)
        .split('\n')
        .slice(3),
    ).to.deep.equal([
      'Original token count: 100',
      'Output:',
      'a'.repeat(20),
      '[… 360 of 400 bytes left out here …]',
      'a'.repeat(20),
    ]);
  });
});
