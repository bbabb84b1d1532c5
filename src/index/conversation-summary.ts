// Gathers from a rollout's lines what lists and replies say about its conversation. Index thread.
import { basename } from 'node:path';
import type { GitInfo } from '../protocol/thread.js';
import { parseRolloutName } from '../rollout/file-name.js';
import type { RolloutLine, SessionMetaPayload, TurnContextPayload } from '../rollout/line.js';
import { previewOfLine } from '../rollout/preview.js';
import { historyModeOf } from '../rollout/read-rollout.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { toRecordedSettings } from '../rollout/thread-settings.js';
import type { ConversationSummary } from './index-messages.js';
import { toSessionSource } from './session-source.js';

/** The kinds of line that a summary is made of. */
export const SUMMARY_LINE_KINDS: readonly LineKind[] = [
  'session_meta',
  'turn_context',
  'event_msg/item_completed',
  'event_msg/user_message',
];

/** What is known of a file without reading it. */
export interface SummarizedFile {
  path: string;
  archived: boolean;
  mtimeMs: number;
}

/** A summary but for the name, which lies in another file. */
export type UnnamedSummary = Omit<ConversationSummary, 'name'>;

/** Lines are to be added in file order. */
export class SummaryGatherer {
  #meta: SessionMetaPayload | null = null;
  #preview = '';
  #turnContext: TurnContextPayload | null = null;

  add(line: RolloutLine): void {
    if (line.type === 'session_meta') this.#meta ??= line.payload;
    else if (line.type === 'turn_context') this.#turnContext = line.payload;
    else this.#preview ||= previewOfLine(line) ?? '';
  }

  /** True when only the settings of later turns are still to come. */
  get hasHead(): boolean {
    return this.#meta !== null && this.#preview !== '';
  }

  /** null when there was no session_meta. */
  finish({ path, archived, mtimeMs }: SummarizedFile): UnnamedSummary | null {
    const meta = this.#meta;
    if (meta === null) return null;
    const settings = this.#turnContext === null ? null : toRecordedSettings(this.#turnContext);
    return {
      id: meta.id,
      path,
      archived,
      sessionId: meta.session_id ?? meta.id,
      forkedFromId: meta.forked_from_id ?? null,
      historyMode: historyModeOf(meta),
      preview: this.#preview,
      modelProvider: meta.model_provider ?? null,
      createdAt: createdAt(meta, path),
      updatedAt: Math.floor(mtimeMs / 1000),
      cliVersion: meta.cli_version,
      originator: meta.originator,
      source: toSessionSource(meta.source),
      threadSource: meta.thread_source ?? null,
      gitInfo: toGitInfo(meta.git),
      cwd: settings?.cwd ?? meta.cwd,
      model: settings?.model ?? null,
      reasoningEffort: settings?.reasoningEffort ?? null,
      reasoningSummary: settings?.reasoningSummary ?? null,
      approvalPolicy: settings?.approvalPolicy ?? null,
      sandboxPolicy: settings?.sandboxPolicy ?? null,
      developerInstructions: null,
      workspaceRoots: null,
    };
  }
}

function createdAt(meta: SessionMetaPayload, path: string): number {
  const recorded = Date.parse(meta.timestamp);
  const milliseconds = Number.isNaN(recorded) ? parseRolloutName(basename(path))?.createdAt.getTime() : recorded;
  return Math.floor((milliseconds ?? 0) / 1000);
}

function toGitInfo(git: SessionMetaPayload['git']): GitInfo | null {
  if (!git) return null;
  return { sha: git.commit_hash ?? null, branch: git.branch ?? null, originUrl: git.repository_url ?? null };
}
