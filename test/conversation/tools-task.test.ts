import { expect } from 'chai';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonRig } from '../support/daemon-rig.js';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { checkStory, doAll, itemsTold, litterIn, outputsOf, processesLeft, scriptRounds } from './tool-story.js';
import type { Round } from './tool-story.js';

const FILES = 200;
const BROKEN = [17, 133];

/** Of so many modules each gives its number; two give another. */
function writeRepository(folder: string): void {
  mkdirSync(join(folder, 'src'));
  for (let number = 0; number < FILES; number += 1) {
    const given = BROKEN.includes(number) ? `${number} + 1` : String(number);
    const text = `#!/bin/sh\n# module ${number}\necho $((${given}))\n`;
    writeFileSync(join(folder, 'src', `module-${number}.sh`), text);
  }
  const test = [
    'failures=0',
    `for number in ${BROKEN.join(' ')} 3 4; do`,
    '  given=$(sh src/module-$number.sh)',
    '  [ "$given" = "$number" ] || { echo "module-$number gives $given"; failures=1; }',
    'done',
    '[ $failures = 0 ] && echo all is well',
    'exit $failures',
  ];
  writeFileSync(join(folder, 'test.sh'), `${test.join('\n')}\n`);
}

function fix(number: number): string[] {
  return [`*** Update File: src/module-${number}.sh`, '@@', `-echo $((${number} + 1))`, `+echo $((${number}))`];
}

const RUN_TESTS = { cmd: 'sh test.sh', login: false, yield_time_ms: 20_000 };
const TASK: readonly Round[] = [
  [
    { id: 'list', name: 'exec_command', args: { cmd: 'ls src | wc -l', login: false } },
    { id: 'search', name: 'exec_command', args: { cmd: String.raw`grep -rln '+ 1' src`, login: false } },
  ],
  [{ id: 'test-1', name: 'exec_command', args: RUN_TESTS }],
  [
    {
      id: 'patch',
      name: 'apply_patch',
      input: ['*** Begin Patch', ...BROKEN.flatMap(fix), '*** End Patch', ''].join('\n'),
    },
  ],
  [{ id: 'test-2', name: 'exec_command', args: RUN_TESTS }],
];

describe('a task of several tools with approvals on', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  before(async () => {
    rig = await DaemonRig.start();
    scriptRounds(rig.model);
    writeRepository(rig.home.workspace);
    client = await rig.client();
  });
  after(() => rig.close());

  it('searches 200 files, runs the tests, mends two files, runs the tests again and reports', async function () {
    this.timeout(60_000);
    const threadId = await client.startThread({
      cwd: rig.home.workspace,
      approvalPolicy: 'untrusted',
      sandbox: 'workspace-write',
    });
    const asked: WireMessage[] = [];
    client.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as WireMessage;
      if (message.id === undefined || message.method === undefined) return;
      asked.push(message);
      client.answer(message.id, { result: { decision: 'accept' } });
    });
    const turn = await client.runTurn(threadId, doAll(TASK));
    expect(turn).to.deep.include({ status: 'completed', error: null });
    expect(turn.items.map(({ text }: { text: string }) => text)).to.deep.equal(['done']);

    const outputs = outputsOf(rig.model.requests.at(-1)!);
    expect(Object.keys(outputs)).to.have.members(['list', 'search', 'test-1', 'patch', 'test-2']);
    expect(outputs['list']).to.match(/code 0\n.*Output:\n\s*200\n/s);
    expect(outputs['search']).to.match(/src\/module-(17|133)\.sh\nsrc\/module-(17|133)\.sh/);
    expect(outputs['test-1'])
      .to.contain('code 1')
      .and.contain('module-17 gives 18')
      .and.contain('module-133 gives 134');
    expect(outputs['patch']).to.contain('M src/module-17.sh').and.contain('M src/module-133.sh');
    expect(outputs['test-2']).to.contain('code 0').and.contain('all is well');

    // Reading runs without a question; tests and patches do not.
    const questions = asked.map(({ method, params }) => [method, params!['itemId']]);
    expect(questions).to.deep.equal([
      ['item/commandExecution/requestApproval', 'test-1'],
      ['item/fileChange/requestApproval', 'patch'],
      ['item/commandExecution/requestApproval', 'test-2'],
    ]);
    const ends = itemsTold(client, threadId, 'item/completed').map(({ id, type, status }) => [id, type, status]);
    expect(ends.filter(([, type]) => type === 'commandExecution' || type === 'fileChange')).to.have.deep.members([
      ['list', 'commandExecution', 'completed'],
      ['search', 'commandExecution', 'completed'],
      ['test-1', 'commandExecution', 'failed'],
      ['patch', 'fileChange', 'completed'],
      ['test-2', 'commandExecution', 'completed'],
    ]);
    const diffs = client.notificationsOf(threadId).filter(({ method }) => method === 'turn/diff/updated');
    expect(diffs.map(({ params }) => params!['diff'].match(/^diff --git/gm).length)).to.deep.equal([2]);
    for (const number of BROKEN) {
      const text = readFileSync(join(rig.home.workspace, 'src', `module-${number}.sh`), 'utf8');
      expect(text).to.equal(`#!/bin/sh\n# module ${number}\necho $((${number}))\n`);
    }
    await checkStory(client, threadId, rig.rolloutFiles()[0]!);
    expect(await processesLeft(threadId)).to.deep.equal([]);
    expect(litterIn(rig.home.root)).to.deep.equal([]);
  });
});
