// Makes test/fixtures/protocol/schema.json: of the JSON schema that `codex app-server generate-json-schema
// --experimental` writes (codex_app_server_protocol.schemas.json), the part that this daemon serves, without prose; to
// it come two methods that the peer serves but leaves out of its schema.
// Usage, after a build: node scripts/reduce-schema.mjs SCHEMA_FILE
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { format } from 'prettier';
import { METHODS } from '../dist/src/protocol/methods.js';
import { NOTIFICATION_METHODS } from '../dist/src/protocol/notification-names.js';
import { SERVER_REQUESTS } from '../dist/src/protocol/server-requests.js';

const TARGET = path.join(import.meta.dirname, '..', 'test', 'fixtures', 'protocol', 'schema.json');
const REF_PREFIX = '#/definitions/';

const file = process.argv[2];
if (file === undefined) {
  process.stderr.write('usage: node scripts/reduce-schema.mjs SCHEMA_FILE\n');
  process.exit(2);
}
const definitions = { ...flatten(JSON.parse(await readFile(file, 'utf8')).definitions), ...unwrittenDefinitions() };
const reduced = reduce(definitions);
await mkdir(path.dirname(TARGET), { recursive: true });
await writeFile(TARGET, await format(JSON.stringify(reduced, null, 2), { parser: 'json', printWidth: 120 }));

/** The second version of the protocol lies one level deeper in the source. */
function flatten({ v2 = {}, ...first }) {
  const text = JSON.stringify({ ...first, ...v2 }).replaceAll(`${REF_PREFIX}v2/`, REF_PREFIX);
  return JSON.parse(text);
}

function reduce(all) {
  const requests = variantsByMethod(all.ClientRequest);
  const notices = variantsByMethod(all.ServerNotification);
  const methods = {};
  for (const method of Object.keys(METHODS)) {
    const unwritten = `${pascalCase(method)}Params` in unwrittenDefinitions();
    // What is our own the peer cannot know; a test names it.
    if (!unwritten && !requests.has(method)) continue;
    const params = unwritten ? `${pascalCase(method)}Params` : refName(requests.get(method).properties.params);
    methods[method] = { params, result: (params ?? `${pascalCase(method)}Params`).replace(/Params$/, 'Response') };
  }
  const notifications = {};
  for (const name of NOTIFICATION_METHODS) {
    if (notices.has(name)) notifications[name] = refName(notices.get(name).properties.params);
  }
  const asked = variantsByMethod(all.ServerRequest);
  const serverRequests = {};
  for (const name of Object.keys(SERVER_REQUESTS)) {
    const params = refName(asked.get(name).properties.params);
    serverRequests[name] = { params, result: params.replace(/Params$/, 'Response') };
  }
  const pairs = [...Object.values(methods), ...Object.values(serverRequests)];
  const roots = [...pairs.flatMap(Object.values), ...Object.values(notifications)];
  return {
    methods,
    notifications,
    serverRequests,
    definitions: collect(
      all,
      roots.filter((name) => name !== null),
    ),
  };
}

/** What `codex app-server generate-ts` says of the two methods, as JSON schema. */
function unwrittenDefinitions() {
  const nullable = (type) => ({ type: [type, 'null'] });
  const text = { type: 'string' };
  const object = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
  return {
    GetConversationSummaryParams: { anyOf: [object({ rolloutPath: text }), object({ conversationId: text })] },
    GetConversationSummaryResponse: object({ summary: { $ref: `${REF_PREFIX}ConversationSummary` } }),
    ConversationSummary: object({
      conversationId: text,
      path: text,
      preview: text,
      timestamp: nullable('string'),
      updatedAt: nullable('string'),
      modelProvider: text,
      cwd: text,
      cliVersion: text,
      source: { $ref: `${REF_PREFIX}SessionSource` },
      gitInfo: { anyOf: [{ $ref: `${REF_PREFIX}ConversationGitInfo` }, { type: 'null' }] },
    }),
    ConversationGitInfo: object({
      sha: nullable('string'),
      branch: nullable('string'),
      origin_url: nullable('string'),
    }),
    // Its types say that both are there; what it reads may lack them.
    GetAuthStatusParams: object({ includeToken: nullable('boolean'), refreshToken: nullable('boolean') }, []),
    GetAuthStatusResponse: object({
      authMethod: { anyOf: [{ $ref: `${REF_PREFIX}AuthMode` }, { type: 'null' }] },
      authToken: nullable('string'),
      requiresOpenaiAuth: nullable('boolean'),
    }),
  };
}

/** Everything that the roots refer to, by name. */
function collect(all, roots) {
  const found = new Map();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    if (all[name] === undefined) throw new Error(`no definition of ${name}`);
    const definition = withoutProse(all[name]);
    found.set(name, definition);
    for (const [, ref] of JSON.stringify(definition).matchAll(/"#\/definitions\/([^"]+)"/g)) open.push(ref);
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A property may be called `title`: only strings are prose. */
function withoutProse(node) {
  if (Array.isArray(node)) return node.map(withoutProse);
  if (typeof node !== 'object' || node === null) return node;
  const kept = Object.entries(node).filter(
    ([key, value]) => !(['description', 'title', '$schema'].includes(key) && typeof value === 'string'),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutProse(value)]));
}

function variantsByMethod(union) {
  return new Map(union.oneOf.map((variant) => [variant.properties.method.enum[0], variant]));
}

function refName(node) {
  return node?.$ref?.slice(REF_PREFIX.length) ?? null;
}

function pascalCase(method) {
  return method.replace(/(?:^|\/)(\w)/g, (_, letter) => letter.toUpperCase());
}
