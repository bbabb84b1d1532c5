// A command as a process of the system, below the runner. Real processes; main thread.
import { expect } from 'chai';
import { startProcess } from '../../../src/agent/exec/command-process.js';
import type { OutputStream, ProcessRequest } from '../../../src/agent/exec/command-process.js';
import type { CommandExit } from '../../../src/agent/exec/exit-code.js';
import { readStartTime } from '../../../src/session/process-table.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('startProcess()', () => {
  const folder = useTempFolder();

  async function start(script: string, more: Partial<ProcessRequest> = {}) {
    const output = { stdout: '', stderr: '' };
    let onExit: (exit: CommandExit) => void = () => undefined;
    const exited = new Promise<CommandExit>((resolve) => {
      onExit = resolve;
    });
    const onOutput = (chunk: Uint8Array, stream: OutputStream): void => {
      output[stream] += Buffer.from(chunk).toString('latin1');
    };
    const request: ProcessRequest = {
      argv: ['sh', '-c', script],
      cwd: folder(),
      env: { PATH: '/usr/bin:/bin' },
      input: 'none',
      streams: 'separate',
      terminal: null,
      signal: new AbortController().signal,
      ...more,
    };
    return { output, exited, process: await startProcess(request, { onOutput, onExit }) };
  }

  it('keeps the two streams apart when asked to', async () => {
    const { output, exited } = await start('echo out; echo err >&2; echo more > /dev/stderr; exit 4');
    expect([await exited, output]).to.deep.equal([
      { code: 4, signal: null },
      { stdout: 'out\n', stderr: 'err\nmore\n' },
    ]);
  });

  it('gives a command bytes, and the end of them', async () => {
    const { output, exited, process } = await start('cat', { input: 'pipe' });
    const taken = [process.write(Buffer.from([0xff, 0x00, 0x41])), process.write('b')];
    process.endInput();
    expect([await exited, output.stdout, taken]).to.deep.equal([{ code: 0, signal: null }, '\xff\x00Ab', [true, true]]);
    expect(process.write('late')).to.equal(false);
  });

  it('ends the input of a terminal by its key', async () => {
    const { output, exited, process } = await start('cat', { terminal: { columns: 80, rows: 24 } });
    process.write('a line\n');
    process.endInput();
    expect([await exited, output.stdout]).to.deep.equal([{ code: 0, signal: null }, 'a line\r\na line\r\n']);
    process.resize({ columns: 10, rows: 10 });
    expect(process.write('late')).to.equal(false);
  });

  it('makes each process the leader of a group, and says when it began', async () => {
    const { output, exited, process } = await start('cut -d" " -f1,5,6,22 /proc/$$/stat; read x', { input: 'pipe' });
    const { pid, startTime } = process.identity;
    const seen = readStartTime(pid);
    process.endInput();
    await exited;
    expect([output.stdout, seen]).to.deep.equal([`${pid} ${pid} ${pid} ${startTime}\n`, startTime]);
  });
});
