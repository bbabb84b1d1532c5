// The recorded rollouts under test/fixtures/rollouts, each with the turns that its writer showed for it; those of the
// legacy one hold its command besides, which its writer does not show. Any thread.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Turn } from '../../src/protocol/thread.js';

/** Made by Codex 0.169 on a scripted model; `legacy-0.45` by Codex 0.45. Instruction texts are cut to `…`. */
export const ROLLOUT_FIXTURES = [
  'plain',
  'reasoning',
  'tools',
  'failed',
  'interrupted',
  'killed',
  'legacy-0.45',
] as const;
export type RolloutFixture = (typeof ROLLOUT_FIXTURES)[number];

const FOLDER = path.resolve('test/fixtures/rollouts');

export function fixturePath(name: RolloutFixture): string {
  return path.join(FOLDER, `${name}.jsonl`);
}

export function fixtureTurns(name: RolloutFixture): Turn[] {
  return JSON.parse(readFileSync(path.join(FOLDER, `${name}.turns.json`), 'utf8')) as Turn[];
}
