// Gathers from rollouts' lines what lists and replies say about a conversation. Index thread.
import { basename } from 'node:path';
import type { GitInfo } from '../protocol/thread.js';
import { parseRolloutName } from '../rollout/file-name.js';
import type { RolloutLine, SessionMetaPayload } from '../rollout/line.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { previewOfLine } from '../rollout/preview.js';
import { historyModeOf } from '../rollout/read-rollout.js';
import { toRecordedSettings } from '../rollout/thread-settings.js';
import type { RecordedSettings } from '../rollout/thread-settings.js';
import type { ConversationSummary } from './index-messages.js';
import { parentOf, toSessionSource } from './session-source.js';

/** The kinds of line that settings are recorded in. */
export const SETTINGS_LINE_KINDS: readonly LineKind[] = ['turn_context', 'event_msg/thread_settings_applied'];

/** The kinds of line that a summary is made of. */
export const SUMMARY_LINE_KINDS: readonly LineKind[] = [
  'session_meta',
  'event_msg/item_completed',
  'event_msg/user_message',
  ...SETTINGS_LINE_KINDS,
];

/** What is known of a file without reading it. */
export interface SummarizedFile {
  path: string;
  archived: boolean;
  mtimeMs: number;
}

/** A summary but for what other files say of the conversation. */
export type UnnamedSummary = Omit<ConversationSummary, 'name'>;

/** What one file, or the part of it that is kept, says. */
export interface FileFacts {
  /** The first one: a legacy fork carries its source's as a second. */
  meta: SessionMetaPayload | null;
  preview: string;
  settings: Partial<RecordedSettings>;
}

/** Gathers the facts of one file. Lines are to be added in file order. */
export class FactsGatherer {
  readonly facts: FileFacts = { meta: null, preview: '', settings: {} };

  add(line: RolloutLine): void {
    if (line.type === 'session_meta') this.facts.meta ??= line.payload;
    else Object.assign(this.facts.settings, toRecordedSettings(line));
    this.facts.preview ||= previewOfLine(line) ?? '';
  }

  /** True when only settings of later turns are still to come. */
  get hasHead(): boolean {
    return this.facts.meta !== null && this.facts.preview !== '';
  }
}

/**
 * `sources` are those that the file goes on from, oldest first: their words come before its own, and their settings
 * hold where it says nothing of its own.
 */
export function toSummary(
  { path, archived, mtimeMs }: SummarizedFile,
  meta: SessionMetaPayload,
  own: FileFacts,
  sources: readonly FileFacts[],
): UnnamedSummary {
  const settings: Partial<RecordedSettings> = {};
  for (const source of sources) Object.assign(settings, source.settings);
  // With another folder the roots of the old one are none any more.
  delete settings.workspaceRoots;
  Object.assign(settings, settingsOfMeta(meta), own.settings);
  return {
    id: meta.id,
    path,
    archived,
    sessionId: meta.session_id ?? meta.id,
    forkedFromId: meta.forked_from_id ?? null,
    parentId: parentOf(meta),
    historyMode: historyModeOf(meta),
    preview: [...sources, own].find(({ preview }) => preview !== '')?.preview ?? '',
    modelProvider: settings.modelProvider ?? null,
    createdAt: createdAt(meta, path),
    updatedAt: Math.floor(mtimeMs / 1000),
    cliVersion: meta.cli_version,
    originator: meta.originator,
    source: toSessionSource(meta.source),
    threadSource: meta.thread_source ?? null,
    gitInfo: toGitInfo(meta.git),
    cwd: settings.cwd ?? meta.cwd,
    workspaceRoots: settings.workspaceRoots ?? null,
    model: settings.model ?? null,
    reasoningEffort: settings.reasoningEffort ?? null,
    reasoningSummary: settings.reasoningSummary ?? null,
    approvalPolicy: settings.approvalPolicy ?? null,
    sandboxPolicy: settings.sandboxPolicy ?? null,
    developerInstructions: settings.developerInstructions ?? null,
  };
}

/** A file's first line is newer than all that its sources say. */
function settingsOfMeta(meta: SessionMetaPayload): Partial<RecordedSettings> {
  const { cwd, model_provider: modelProvider, runtime_workspace_roots: workspaceRoots } = meta;
  return {
    cwd,
    ...(typeof modelProvider === 'string' ? { modelProvider } : {}),
    ...(Array.isArray(workspaceRoots) ? { workspaceRoots } : {}),
  };
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
