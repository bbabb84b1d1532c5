// What people said of conversations since they were made: lies beside the rollouts, not in them. Index thread.
import { join } from 'node:path';
import type { GitInfo } from '../protocol/thread.js';
import type { UnnamedSummary } from './conversation-summary.js';
import type { ConversationSummary } from './index-messages.js';
import { LatestRecords } from './latest-records.js';

/** Shared with Codex: lines `{id, thread_name, updated_at}`. An empty name takes the name away. */
const NAMES_FILE = 'session_index.jsonl';
/** Ours: lines `{id, gitInfo, updated_at}`, each with the whole new value. */
const METADATA_FILE = join('rolloutd', 'thread-metadata.jsonl');

/** What to lay over summaries, as it is at one moment. */
export interface MetadataOverlay {
  nameOf: (id: string) => string | null;
  apply: (summary: UnnamedSummary) => ConversationSummary;
}

export class ConversationMetadata {
  readonly #names: LatestRecords<string>;
  readonly #gitInfos: LatestRecords<GitInfo | null>;

  constructor(home: string) {
    this.#names = new LatestRecords(join(home, NAMES_FILE), ({ id, thread_name: name }) => {
      if (typeof id !== 'string') return null;
      return { id, value: typeof name === 'string' && name !== '' ? name : undefined };
    });
    this.#gitInfos = new LatestRecords(join(home, METADATA_FILE), ({ id, gitInfo }) =>
      typeof id !== 'string' || gitInfo === undefined ? null : { id, value: toGitInfo(gitInfo) },
    );
  }

  /** Never rejects: of a file that cannot be read that holds which it said last. */
  async read(): Promise<MetadataOverlay> {
    const [names, gitInfos] = await Promise.all([this.#names.read(), this.#gitInfos.read()]);
    const nameOf = (id: string): string | null => names.get(id) ?? null;
    const apply = (summary: UnnamedSummary): ConversationSummary => {
      const changed = gitInfos.get(summary.id);
      return { ...summary, gitInfo: changed === undefined ? summary.gitInfo : changed, name: nameOf(summary.id) };
    };
    return { nameOf, apply };
  }
}

/** null clears all. */
function toGitInfo(value: unknown): GitInfo | null {
  if (typeof value !== 'object' || value === null) return null;
  const { sha, branch, originUrl } = value as Record<string, unknown>;
  const text = (field: unknown): string | null => (typeof field === 'string' ? field : null);
  return { sha: text(sha), branch: text(branch), originUrl: text(originUrl) };
}
