// Which recordings were made on the same home, in which order, and on what. How they were made, not what they say. Main thread.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ReplayWorld, ServerName } from './replay-world.js';

export interface RecordingSetup {
  name: string;
  /** The server was started anew before it. */
  restarted?: true;
  /** A second passed between its threads: lists count in seconds. */
  isPaced?: true;
  /** Connections to another server than the first. */
  servers?: Record<number, ServerName>;
}

export interface Family {
  title: string;
  recordings: readonly RecordingSetup[];
  /** TOML above the tables of the server's configuration. */
  config?: string;
  /** What lay on the disk before; `fixtures` is the folder of the recordings. */
  prepare?(world: ReplayWorld, fixtures: string): void;
}

/** 1x1 pixel, nothing in it. */
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

export const FAMILIES: readonly Family[] = [
  {
    title: 'basics',
    recordings: [
      { name: 'initialize' },
      { name: 'turn-plain' },
      { name: 'turn-deltas' },
      { name: 'reasoning' },
      { name: 'output-schema-and-image' },
    ],
    prepare(world) {
      world.makeFolder('/home/user/ws');
      writeFileSync(world.locate('/home/user/ws/pic.png'), Buffer.from(PICTURE, 'base64'));
    },
  },
  {
    title: 'turns',
    recordings: [{ name: 'interrupt' }, { name: 'steer-and-busy' }, { name: 'two-clients-and-resume-running' }],
    prepare: (world) => world.makeFolder('/home/user/ws/turns'),
  },
  {
    title: 'approvals',
    recordings: [{ name: 'approval-command-on-request' }, { name: 'approval-patch', restarted: true }],
    prepare(world) {
      world.makeFolder('/home/user/ws/appr');
      mkdirSync(join(world.home, 'rules'));
      writeFileSync(join(world.home, 'rules', 'default.rules'), 'prefix_rule(pattern=["mkdir"], decision="prompt")\n');
    },
  },
  {
    title: 'threads',
    recordings: [
      { name: 'thread-lifecycle-files' },
      { name: 'resume' },
      { name: 'resume-not-loaded', restarted: true },
      { name: 'resume-by-path-and-overrides', restarted: true },
      { name: 'fork-revert' },
      { name: 'databases-removed', restarted: true },
    ],
    prepare(world) {
      world.makeFolder('/home/user/ws/threads');
      world.makeFolder('/home/user/ws/threads-b');
    },
  },
  {
    title: 'lists',
    recordings: [
      { name: 'thread-list', isPaced: true },
      { name: 'thread-admin' },
      { name: 'turns-items-paging' },
      { name: 'compact-inject-shell-review' },
    ],
    prepare(world) {
      world.makeFolder('/home/user/ws/list-a');
      world.makeRepository('/home/user/ws/list-b', 'https://example.com/repo.git');
    },
  },
  {
    title: 'durability',
    recordings: [
      { name: 'kill-during-turn' },
      { name: 'two-servers-one-home', restarted: true, servers: { 2: 'two' } },
    ],
    prepare: (world) => world.makeFolder('/home/user/ws/dur'),
  },
  {
    title: 'unloading',
    recordings: [{ name: 'unload-and-closed' }, { name: 'fork-source-removed-and-external-edits' }],
    config: 'thread_unload_delay_secs = 1',
    prepare: (world) => world.makeFolder('/home/user/ws/extra'),
  },
  {
    title: 'old versions',
    recordings: [{ name: 'old-rollouts' }],
    prepare: layOutOldRollouts,
  },
  {
    title: 'deletion',
    recordings: [{ name: 'delete-queue-items-read' }],
    prepare: (world) => world.makeFolder('/home/user/ws/del'),
  },
  {
    title: 'search',
    recordings: [{ name: 'name-search' }],
    prepare: (world) => world.makeFolder('/home/user/ws/ns'),
  },
];

/** Rollouts of versions before 0.169, where they lay; their ids are the same on both sides. */
function layOutOldRollouts(world: ReplayWorld, fixtures: string): void {
  const folder = join(fixtures, 'rollouts');
  const index = JSON.parse(readFileSync(join(folder, 'INDEX.json'), 'utf8')) as Record<
    string,
    { id: string; original: string }
  >;
  for (const [name, { id, original }] of Object.entries(index)) {
    if (!/^codex-[\d.]+-exec-(?:shell|text)\.jsonl$/.test(name)) continue;
    const target = join(world.home, original);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(folder, name), target);
    writeFileSync(target, readFileSync(target, 'utf8').replaceAll('/home/user', world.root));
    world.bindings.bind(id, id);
  }
}
