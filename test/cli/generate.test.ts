import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import type { z } from 'zod';
import { CliFailure } from '../../src/cli/exit.js';
import { MARKER, writeGenerated } from '../../src/cli/write-generated.js';
import { METHODS } from '../../src/protocol/methods.js';
import type { MethodName, ParamsOf } from '../../src/protocol/methods.js';
import { NOTIFICATION_METHODS } from '../../src/protocol/notification-names.js';
import { NOTIFICATIONS } from '../../src/protocol/notifications.js';
import { SERVER_REQUESTS } from '../../src/protocol/server-requests.js';
import type { ServerRequestName } from '../../src/protocol/server-requests.js';
import type { JsonSchema } from '../../src/protocol/json-schema.js';
import { exampleNotifications, exampleResults } from '../protocol/example-messages.js';
import { exampleRequests } from '../protocol/example-requests.js';
import { findProjectRoot } from '../support/child-program.js';
import { OWN_METHODS, OWN_NOTIFICATIONS } from '../support/own-messages.js';
import { reducedSchema } from '../support/schema-validator.js';
import { useTempFolder } from '../support/temp-folder.js';
import { runCli } from './cli-process.js';

const METHOD_NAMES = Object.keys(METHODS) as MethodName[];
const REQUEST_NAMES = Object.keys(SERVER_REQUESTS) as ServerRequestName[];

/** Names of the contract: the peer's where it has one. */
const NAMES = {
  methods: { ...reducedSchema.methods, ...OWN_METHODS },
  notifications: { ...reducedSchema.notifications, ...OWN_NOTIFICATIONS },
  serverRequests: reducedSchema.serverRequests,
};

/** The peer has no name for the params of the one method that has none. */
const NO_PARAMS = 'ConfigRequirementsReadParams';

const exampleParams: { [Method in MethodName]: ParamsOf<Method> } = {
  initialize: { clientInfo: { name: 'n', version: '1' }, capabilities: { optOutNotificationMethods: ['x'] } },
  'thread/start': {
    model: null,
    runtimeWorkspaceRoots: ['/srv'],
    approvalPolicy: { granular: { sandbox_approval: true, rules: true, mcp_elicitations: false } },
    sandbox: 'read-only',
    config: { model: 'm' },
    dynamicTools: [{ name: 'rake', description: 'rakes', inputSchema: {} }],
  },
  'thread/resume': { threadId: 't', history: [{ type: 'message', role: 'user' }] },
  'thread/fork': { threadId: 't', beforeTurnId: 'u', path: '', sandbox: 'read-only', ephemeral: true },
  'thread/revert': { threadId: 't', beforeTurnId: 'u' },
  'thread/read': { threadId: 't', includeTurns: true },
  'thread/turns/list': { threadId: 't', limit: 5, sortDirection: 'asc', itemsView: 'full' },
  'thread/items/list': {
    threadId: 't',
    turnId: 'u',
    cursor: { type: 'item', itemId: 'i' },
    deferOutput: { commandExecution: true },
  },
  'thread/items/read': { threadId: 't', turnId: 'u', itemIds: ['i'] },
  'thread/list': { limit: 5, sortKey: 'updated_at', cwd: ['/srv'], sourceKinds: ['vscode'] },
  'thread/loaded/list': { cursor: null },
  'thread/unsubscribe': { threadId: 't' },
  'thread/unload': { threadId: 't', interrupt: true },
  'thread/name/set': { threadId: 't', name: 'n' },
  'thread/metadata/update': { threadId: 't', gitInfo: { branch: null, sha: 'c0ffee' } },
  'thread/readState/update': { threadId: 't', operation: { type: 'unread' }, expectedRevision: 'r' },
  'thread/settings/update': { threadId: 't', serviceTier: null, effort: 'low', disabledPluginIds: [] },
  'thread/inject_items': { threadId: 't', items: [{ type: 'message', role: 'user', content: [] }] },
  'thread/archive': { threadId: 't' },
  'thread/unarchive': { threadId: 't' },
  'thread/delete': { threadId: 't', cascade: true },
  'turn/start': {
    threadId: 't',
    input: [
      { type: 'text', text: 'a', text_elements: [{ byteRange: { start: 0, end: 1 } }] },
      { type: 'image', url: 'data:x', detail: 'low' },
    ],
    additionalContext: { note: { kind: 'untrusted', value: 'v' } },
    sandboxPolicy: { type: 'workspaceWrite', writableRoots: ['/srv'] },
    effort: 'low',
    collaborationMode: { mode: 'plan', settings: { model: 'm' } },
  },
  'turn/steer': { threadId: 't', expectedTurnId: 'u', input: [] },
  'turn/interrupt': { threadId: 't', turnId: 'u' },
  'thread/shellCommand': { threadId: 't', command: 'ls', timeoutMs: null },
  'thread/backgroundTerminals/list': { threadId: 't', cursor: null, limit: 5 },
  'thread/backgroundTerminals/terminate': { threadId: 't', processId: '1' },
  'thread/backgroundTerminals/clean': { threadId: 't' },
  'command/exec': {
    command: ['ls'],
    processId: 'p',
    tty: true,
    size: { rows: 24, cols: 80 },
    env: { A: 'b', HOME: null },
    outputBytesCap: 10,
    timeoutMs: 5,
    sandboxPolicy: { type: 'readOnly' },
  },
  'command/exec/write': { processId: 'p', deltaBase64: 'YQo=', closeStdin: true },
  'command/exec/resize': { processId: 'p', size: { rows: 24, cols: 80 } },
  'command/exec/terminate': { processId: 'p' },
  'model/list': { includeHidden: true },
  'config/read': { cwd: '/srv' },
  'configRequirements/read': null,
  'account/read': { refreshToken: false },
  'skills/list': { cwds: ['/srv'] },
  getConversationSummary: { conversationId: 't' },
  getAuthStatus: { includeToken: true, refreshToken: null },
  'daemon/status': {},
  'daemon/drain': { timeoutMs: 1 },
};

describe('rolloutd generate-ts and generate-json-schema', () => {
  const folder = useTempFolder();

  async function generate(command: 'generate-ts' | 'generate-json-schema', out: string): Promise<string> {
    const { code, stdout, stderr } = await runCli([command, '--out', out]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    return stdout.trim();
  }

  it('write one file each, say where, and write the same again', async () => {
    const out = join(folder(), 'made', 'on the way');
    const types = await generate('generate-ts', out);
    const schemas = await generate('generate-json-schema', out);
    expect([types, schemas]).to.deep.equal([join(out, 'index.ts'), join(out, 'rolloutd.schemas.json')]);
    const first = [types, schemas].map((path) => readFileSync(path, 'utf8'));
    await generate('generate-json-schema', out);
    await generate('generate-ts', out);
    expect([types, schemas].map((path) => readFileSync(path, 'utf8'))).to.deep.equal(first);
    expect(readdirSync(out).sort()).to.deep.equal(['index.ts', 'rolloutd.schemas.json']);
  });

  it('leave alone what they did not generate', async () => {
    const out = folder();
    const mine = join(out, 'index.ts');
    writeFileSync(join(out, 'notes.txt'), '');
    expect(await runCli(['generate-ts', '--out', out])).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: `rolloutd: ${out} is not empty and holds nothing that rolloutd generated; name a new or an empty folder\n`,
    });
    writeFileSync(mine, 'export {};\n');
    const write = () => writeGenerated(out, 'index.ts', 'new');
    const refusal = `${mine} was not generated by rolloutd; name a new or an empty folder`;
    expect(write).to.throw(CliFailure, refusal);
    writeFileSync(join(out, 'rolloutd.schemas.json'), `{ "$comment": "${MARKER}" }`);
    expect(write).to.throw(CliFailure, refusal);
    expect(readFileSync(mine, 'utf8')).to.equal('export {};\n');
    rmSync(mine);
    expect(write()).to.equal(mine);
    expect(readdirSync(out).sort()).to.deep.equal(['index.ts', 'notes.txt', 'rolloutd.schemas.json']);
  });

  it('say in one line that the folder is a file', () => {
    const out = join(folder(), 'file');
    writeFileSync(out, '');
    const refusal = /^[^\n]+\/index\.ts cannot be written: EEXIST[^\n]+$/;
    expect(() => writeGenerated(out, 'index.ts', '')).to.throw(CliFailure, refusal);
  });
});

describe('the generated types and schemas', () => {
  let folder: string;
  let types: string;
  let definitions: Record<string, JsonSchema>;
  const ajv = new Ajv2020({ allowUnionTypes: true });
  const schemaOf = (name: string) => ajv.getSchema(`rolloutd#/definitions/${name}`)!;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rolloutd-generate-'));
    for (const command of ['generate-ts', 'generate-json-schema']) await runCli([command, '--out', folder]);
    types = readFileSync(join(folder, 'index.ts'), 'utf8');
    const bundle = readFileSync(join(folder, 'rolloutd.schemas.json'), 'utf8');
    definitions = (JSON.parse(bundle) as { definitions: Record<string, JsonSchema> }).definitions;
    ajv.addSchema({ ...(JSON.parse(bundle) as object), $id: 'rolloutd' });
  });

  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('name every method and notification as the peer does', () => {
    const exported = [...types.matchAll(/^export type (\w+) =/gm)].map(([, name]) => name);
    expect(exported).to.deep.equal(Object.keys(definitions));
    expect(exported).to.deep.equal([...exported].sort());
    const peerNames = [
      ...Object.values(reducedSchema.methods).flatMap(({ params, result }) => [params, result]),
      ...Object.values(reducedSchema.serverRequests).flatMap(({ params, result }) => [params, result]),
      ...Object.values(reducedSchema.notifications),
    ].filter((name) => name !== null);
    const shared = ['ClientNotification', 'ClientRequest', 'ServerNotification', 'Thread', 'ThreadItem', 'Turn'];
    expect(definitions).to.include.all.keys(...peerNames, ...shared);
    expect(methodsIn(definitions['ClientRequest']!)).to.deep.equal(METHOD_NAMES);
    expect(methodsIn(definitions['ServerNotification']!)).to.deep.equal([...NOTIFICATION_METHODS]);
    expect(methodsIn(definitions['ServerRequest']!)).to.deep.equal(REQUEST_NAMES);
  });

  it('use the names of the peer for what messages share', () => {
    const ours = Object.keys(definitions);
    const known = new Set(Object.keys(reducedSchema.definitions));
    expect(ours.filter((name) => !known.has(name))).to.deep.equal([
      'ClientNotification',
      'ClientRequest',
      NO_PARAMS,
      'DaemonDrainParams',
      'DaemonDrainResponse',
      'DaemonStatusParams',
      'DaemonStatusResponse',
      'ServerNotification',
      'ServerRequest',
      // It numbers nothing.
      'ThreadEventsCursor',
      'ThreadOwner',
      'ThreadOwnerChangedNotification',
      'ThreadUnloadParams',
      'ThreadUnloadResponse',
    ]);
  });

  it('hold no object twice: what occurs in two places has a name', () => {
    const counts = new Map<string, number>();
    for (const definition of Object.values(definitions)) {
      for (const inner of innerSchemas(definition)) {
        const isRecord = Object.keys(inner.properties ?? {}).length >= 2;
        if (isRecord) counts.set(JSON.stringify(inner), (counts.get(JSON.stringify(inner)) ?? 0) + 1);
      }
    }
    expect(counts.size).to.be.greaterThan(50);
    expect([...counts].filter(([, count]) => count > 1)).to.deep.equal([]);
  });

  it('judge messages as the tables do', () => {
    const seen = { accepted: 0, refused: 0 };
    const disagreements = new Set<string>();
    for (const { name, table, value } of sampleMessages()) {
      const judge = schemaOf(name);
      expect(judge(value), `${name}: ${ajv.errorsText(judge.errors)}`).to.equal(true);
      for (const { where, changed } of changesOf(value)) {
        const accepted = judge(changed);
        seen[accepted ? 'accepted' : 'refused']++;
        if (accepted !== table.safeParse(changed).success) disagreements.add(`${name}${where}`);
      }
    }
    expect(seen.accepted).to.be.greaterThan(500);
    expect(seen.refused).to.be.greaterThan(500);
    // That media are named by one of two fields is not said in the schema.
    expect([...disagreements].filter((line) => !/\.(url|fileId) gone$/.test(line))).to.deep.equal([]);
  });

  it('know whole messages', () => {
    const isRequest = schemaOf('ClientRequest');
    const isNotification = schemaOf('ServerNotification');
    for (const method of METHOD_NAMES)
      expect(isRequest({ id: 1, method, params: exampleParams[method] })).to.equal(true);
    expect(isRequest({ id: 'a', method: 'configRequirements/read' })).to.equal(true);
    expect(isRequest({ id: 'a', method: 'thread/list' })).to.equal(false);
    expect(isRequest({ id: null, method: 'thread/list', params: {} })).to.equal(false);
    expect(isRequest({ id: 1, method: 'thread/dance', params: {} })).to.equal(false);
    const params = { threadId: 't' };
    expect(isNotification({ method: 'thread/closed', params, emittedAtMs: 1 })).to.equal(true);
    expect(isNotification({ method: 'thread/closed', params, emittedAtMs: 1, epoch: 'e', seq: 3 })).to.equal(true);
    expect(isNotification({ method: 'thread/closed', params })).to.equal(false);
    expect(isNotification({ method: 'thread/closed', params: {}, emittedAtMs: 1 })).to.equal(false);
  });

  it('compile alone', () => {
    expect(types).not.to.match(/\bimport\b|\bany\b/);
    compile(folder, 'index.ts');
  });

  it('are those of the tables to the compiler, too', function () {
    this.timeout(20_000);
    const root = findProjectRoot();
    mkdirSync(join(folder, 'use'));
    const checks = [
      ...METHOD_NAMES.flatMap((method) => {
        const { params, result } = NAMES.methods[method]!;
        return [
          `Same<ours.ParamsOf<'${method}'>, generated.${params ?? NO_PARAMS} | Absent<'${method}'>>`,
          `Same<ours.ResultOf<'${method}'>, generated.${result}>`,
        ];
      }),
      ...REQUEST_NAMES.flatMap((name) => {
        const { params, result } = NAMES.serverRequests[name]!;
        return [
          `Same<asked.ServerRequestParams<'${name}'>, generated.${params}>`,
          `Same<asked.ServerRequestResult<'${name}'>, generated.${result}>`,
        ];
      }),
      ...NOTIFICATION_METHODS.map(
        (method) => `Same<theirs.NotificationParams<'${method}'>, generated.${NAMES.notifications[method]}>`,
      ),
    ];
    const use = [
      `import type * as generated from '../index.js';`,
      `import type * as ours from '${root}/src/protocol/methods.js';`,
      `import type * as asked from '${root}/src/protocol/server-requests.js';`,
      `import type * as theirs from '${root}/src/protocol/notifications.js';`,
      // A method without params may have them left out.
      `type Absent<Method> = Method extends 'configRequirements/read' ? undefined : never;`,
      `type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : 'too wide') : 'too narrow';`,
      `export const checks: [${checks.join(',\n')}] = [${checks.map(() => 'true').join(', ')}];`,
    ];
    writeFileSync(join(folder, 'use', 'use.ts'), use.join('\n'));
    compile(folder, 'use/use.ts');
  });
});

interface Sample {
  name: string;
  table: z.ZodType;
  value: unknown;
}

/** One or more of each; results with whole turns are left short, for their items come in notifications. */
function sampleMessages(): Sample[] {
  const samples: Sample[] = [];
  for (const method of METHOD_NAMES) {
    const { params, result } = METHODS[method];
    const names = NAMES.methods[method]!;
    samples.push({ name: names.params ?? NO_PARAMS, table: params, value: exampleParams[method] });
    const value = JSON.parse(JSON.stringify(exampleResults[method]), (key: string, inner: unknown) =>
      key === 'items' ? [] : inner,
    ) as unknown;
    samples.push({ name: names.result, table: result, value });
  }
  for (const name of REQUEST_NAMES) {
    const names = NAMES.serverRequests[name]!;
    const { params, result } = SERVER_REQUESTS[name];
    for (const value of exampleRequests[name].params) samples.push({ name: names.params, table: params, value });
    for (const value of exampleRequests[name].results) samples.push({ name: names.result, table: result, value });
  }
  for (const method of NOTIFICATION_METHODS.filter((name) => name !== 'item/completed')) {
    const table = NOTIFICATIONS[method].params;
    for (const value of exampleNotifications[method]) {
      samples.push({ name: NAMES.notifications[method]!, table, value });
    }
  }
  return samples;
}

/** Throws with what the compiler says. */
function compile(folder: string, file: string): void {
  const compiler = join(findProjectRoot(), 'node_modules/typescript/bin/tsc');
  const options = ['--strict', '--noEmit', '--module', 'nodenext', '--lib', 'es2023', '--types', '', '--skipLibCheck'];
  try {
    execFileSync(process.execPath, [compiler, '--ignoreConfig', ...options, file], { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    throw new Error(String((error as { stdout: unknown }).stdout), { cause: error });
  }
}

/** The methods of a union of messages, in order. */
function methodsIn({ anyOf = [] }: JsonSchema): unknown[] {
  return anyOf.map((message) => message.properties?.['method']?.const);
}

/** All schemas within this one. */
function innerSchemas(schema: JsonSchema): JsonSchema[] {
  const { anyOf = [], oneOf = [], items, properties = {}, additionalProperties } = schema;
  const direct = [...anyOf, ...oneOf, ...Object.values(properties)];
  if (items !== undefined) direct.push(items);
  if (typeof additionalProperties === 'object') direct.push(additionalProperties);
  return direct.flatMap((inner) => [inner, ...innerSchemas(inner)]);
}

/** Copies that differ from `value` in one place each: a field gone, or a value of another kind. */
function* changesOf(value: unknown): Generator<{ where: string; changed: unknown }> {
  for (const other of [null, '', 0.5, -1, true, [], {}]) yield { where: `=${JSON.stringify(other)}`, changed: other };
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) {
      for (const { where, changed } of changesOf(inner)) {
        yield { where: `[]${where}`, changed: value.with(index, changed) };
      }
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Record<string, unknown>;
      yield { where: `.${key} gone`, changed: rest };
      for (const { where, changed } of changesOf(inner)) {
        yield { where: `.${key}${where}`, changed: { ...value, [key]: changed } };
      }
    }
    yield { where: ' and more', changed: { ...value, somethingNew: 1 } };
  }
}
