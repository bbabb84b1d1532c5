// Replays the recordings that hold probes instead of messages: what the peer made of files that were written by hand,
// and how long its pages are. Main thread.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { CheckedClient, WireMessage } from '../../support/checked-client.js';
import { metaLine, rolloutText, turnLines } from '../../support/rollout-lines.js';
import { ValueComparer } from './compare-values.js';
import type { Difference } from './difference.js';
import type { Ledger } from './ledger.js';
import { isObject, readProbes } from './recording.js';
import type { Json, JsonObject } from './recording.js';
import type { ReplayWorld } from './replay-world.js';

const HAND_WRITTEN = 'hand-written-rollouts';
const PAGE_SIZES = 'list-page-sizes';
const EVERY_KIND = ['cli', 'vscode', 'exec', 'appServer', 'subAgent', 'unknown'];
/** How much of an item's text the probes kept. */
const TEXT_LENGTH = 12;
const TEXT_OF_TURN = 'hello';

interface HandWrittenCase {
  case: string;
  id: string;
  path: string;
  text: string;
}

/** Each file of the cases is listed, read, resumed and continued. */
export async function replayHandWritten(fixtures: string, world: ReplayWorld, ledger: Ledger): Promise<Difference[]> {
  const text = readFileSync(join(fixtures, 'rollouts', 'hand-written-cases.json'), 'utf8');
  const cases = JSON.parse(text) as HandWrittenCase[];
  for (const { path, text: lines } of cases) {
    mkdirSync(join(world.home, dirname(path)), { recursive: true });
    const whole = lines.replaceAll('ZZZ[2 MiB of z]', 'z'.repeat(2 * 1024 * 1024));
    writeFileSync(join(world.home, path), whole.replaceAll('/home/user', world.root));
  }
  const differences: Difference[] = [];
  const client = await connect(world);
  for (const [index, probe] of readProbes(join(fixtures, 'wire'), HAND_WRITTEN).entries()) {
    const title = (probe['case'] as string).trim();
    // One file is asked for by the other of its two ids.
    const id = cases.find((candidate) => candidate.case === title)?.id ?? idInside(cases, 'file name id differs');
    const place = { recording: HAND_WRITTEN, section: title, line: index + 1 };
    const { listedScan, read, resume, turn, after } = probe;
    const theirs = { listed: listedScan!, read: orError(read!), resume: orError(resume!), turn: turn!, after: after! };
    const ours = await world.gate.openDuring(() => probeFile(client, id));
    compare(theirs, ours, place, world, ledger, differences);
  }
  await client.close();
  return differences;
}

/** Pages of a home with 130 conversations, and of one with 60 turns. */
export async function replayPageSizes(fixtures: string, world: ReplayWorld, ledger: Ledger): Promise<Difference[]> {
  for (let number = 0; number < 130; number += 1) writeListed(world, number, `p${number}`);
  const long = writeLong(world);
  const late = fileOf(world, 0xf_ffff, '23-00-00');
  const client = await connect(world);
  const differences: Difference[] = [];
  let section = '';
  for (const [index, probe] of readProbes(join(fixtures, 'wire'), PAGE_SIZES).entries()) {
    if (typeof probe['note'] === 'string') {
      section = probe['note'];
      if (section.startsWith('files written after')) writeFileSync(late.path, listedText(late.id, '23:00:00', 'late'));
      else rmSync(late.path);
      continue;
    }
    const place = { recording: PAGE_SIZES, section, line: index + 1 };
    const ours = await probePages(client, probe, { long, late: late.id });
    compare(probe, ours, place, world, ledger, differences);
  }
  await client.close();
  return differences;
}

async function connect(world: ReplayWorld): Promise<CheckedClient> {
  const client = await world.connect('one');
  await client.call('initialize', {
    clientInfo: { name: 'probe', version: '0' },
    capabilities: { experimentalApi: true },
  });
  return client;
}

function compare(
  recorded: JsonObject,
  live: JsonObject,
  place: Pick<Difference, 'recording' | 'section' | 'line'>,
  world: ReplayWorld,
  ledger: Ledger,
  differences: Difference[],
): void {
  ledger.compared += 1;
  const comparer = new ValueComparer({
    bindings: world.bindings,
    skippedTurns: new Set(),
    report: (path, theirs, ours) => {
      const difference = { ...place, method: 'probe', path, recorded: theirs, live: ours };
      if (!ledger.explains(difference)) differences.push(difference);
    },
  });
  comparer.compare('', recorded, live);
}

function idInside(cases: readonly HandWrittenCase[], title: string): string {
  const { text } = cases.find((candidate) => candidate.case.startsWith(title))!;
  return (JSON.parse(text.split('\n')[0]!) as { payload: { id: string } }).payload.id;
}

async function probeFile(client: CheckedClient, id: string): Promise<JsonObject> {
  const list = await client.call('thread/list', { sourceKinds: EVERY_KIND, limit: 100 });
  const rows = (list.data as { id: string; preview: string }[]).filter((row) => row.id === id);
  const read = await client.ask('thread/read', { threadId: id, includeTurns: true });
  const resume = await client.ask('thread/resume', { threadId: id });
  const listed = rows.map(({ preview }) => preview);
  const probe = { listed, read: summarize(read), resume: summarize(resume), turn: null, after: null };
  if (resume.error !== undefined) return probe;
  const started = await client.ask('turn/start', { threadId: id, input: [{ type: 'text', text: TEXT_OF_TURN }] });
  const { code, message } = started.error ?? {};
  const turn =
    started.error === undefined
      ? await endOfTurn(client, started.result.turn.id as string)
      : { code: code!, message: message! };
  const after = await client.call('thread/read', { threadId: id, includeTurns: true });
  return { ...probe, turn, after: (after.thread.turns as WireTurn[]).map(summarizeTurn) };
}

async function endOfTurn(client: CheckedClient, turnId: string): Promise<string> {
  const { params } = await client.notification('turn/completed', (candidate) => candidate['turn'].id === turnId);
  return params!['turn'].status as string;
}

interface WireTurn {
  status: string;
  items: { type: string; text?: string; content?: { text?: string }[] }[];
}

function summarize({ result, error }: WireMessage): Json {
  if (error !== undefined) return `${error.code} ${error.message}`;
  const { historyMode, preview, path, source, turns } = result.thread;
  return {
    historyMode,
    preview,
    path: basename(path as string),
    source,
    turns: (turns as WireTurn[]).map(summarizeTurn),
  };
}

/** An error in place of what it kept from being shown. */
function orError(probed: Json): Json {
  return isObject(probed) ? (probed['err'] ?? probed) : probed;
}

function summarizeTurn({ status, items }: WireTurn): string {
  const texts = items.map(
    ({ type, text, content }) => `${type}:${(text ?? content?.[0]?.text ?? '').slice(0, TEXT_LENGTH)}`,
  );
  return `${status}[${texts.join(',')}]`;
}

async function probePages(
  client: CheckedClient,
  probe: JsonObject,
  { long, late }: { long: string; late: string },
): Promise<JsonObject> {
  if ('read' in probe) {
    const { result, error } = await client.ask('thread/read', { threadId: late });
    return { read: error === undefined ? result : `${error.code} ${error.message}` };
  }
  for (const [key, method] of [
    ['turnsList', 'thread/turns/list'],
    ['itemsList', 'thread/items/list'],
  ] as const) {
    if (!(key in probe)) continue;
    const page = await client.call(method, { threadId: long, ...(probe[key] as JsonObject) });
    return { [key]: probe[key]!, returned: (page.data as unknown[]).length };
  }
  const page = await client.call('thread/list', probe['params']);
  const params = probe['params']!;
  if ('first' in probe) return { params, first: page.data[0].preview as Json };
  return { params, returned: (page.data as unknown[]).length, next: page.nextCursor as Json };
}

function fileOf(world: ReplayWorld, number: number, time: string): { id: string; path: string } {
  const id = `019a9f00-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
  const folder = join(world.home, 'sessions/2026/11/20');
  mkdirSync(folder, { recursive: true });
  world.bindings.bind(id, id);
  return { id, path: join(folder, `rollout-2026-11-20T${time}-${id}.jsonl`) };
}

function writeListed(world: ReplayWorld, number: number, question: string): void {
  const time = new Date(Date.UTC(2026, 10, 20, 10, 0, number)).toISOString().slice(11, 19);
  const { id, path } = fileOf(world, 0x1000 + number, time.replaceAll(':', '-'));
  writeFileSync(path, listedText(id, time, question));
}

/** A legacy file of one question. */
function listedText(id: string, time: string, message: string): string {
  const timestamp = `2026-11-20T${time}.000Z`;
  const meta = { id, timestamp, cwd: '/w', originator: 'x', cli_version: '0', source: 'cli', model_provider: 'mock' };
  const lines = [
    { timestamp, type: 'session_meta', payload: meta },
    { timestamp, type: 'event_msg', payload: { type: 'user_message', message, images: [] } },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** 60 turns of two items each, not listed; returns the id. */
function writeLong(world: ReplayWorld): string {
  const { id, path } = fileOf(world, 0xf000, '09-00-00');
  const turns = Array.from({ length: 60 }, (_, index) => turnLines(`turn-${index}`, `question ${index}`, 'answer'));
  writeFileSync(path, rolloutText([metaLine(id, { source: 'exec' }), ...turns.flat()]));
  return id;
}
