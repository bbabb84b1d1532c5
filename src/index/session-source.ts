// Where a conversation was started from, and the kinds by which lists tell these places apart. Index thread.
import type { SessionSource } from '../protocol/thread.js';
import type { SessionMetaPayload } from '../rollout/line.js';

/** What lists show when nobody asks for a kind: what people start themselves. */
export const DEFAULT_SOURCE_KINDS: readonly string[] = ['cli', 'vscode'];

/** Wire form of session_meta.source: files of old have none, other hosts write words of their own. */
export function toSessionSource(source: unknown): SessionSource {
  if (source === undefined || source === null) return 'vscode';
  if (source === 'cli' || source === 'vscode' || source === 'exec') return source;
  if (source === 'mcp' || source === 'app_server' || source === 'appServer') return 'appServer';
  if (typeof source !== 'object') return 'unknown';
  if ('custom' in source && typeof source.custom === 'string') return { custom: source.custom };
  const subAgent = 'subagent' in source ? source.subagent : 'subAgent' in source ? source.subAgent : undefined;
  return subAgent === undefined ? 'unknown' : { subAgent: toSubAgent(subAgent) };
}

type SubAgent = Extract<SessionSource, { subAgent: unknown }>['subAgent'];

function toSubAgent(subAgent: unknown): SubAgent {
  if (subAgent === 'review' || subAgent === 'compact' || subAgent === 'memory_consolidation') return subAgent;
  if (typeof subAgent !== 'object' || subAgent === null) return { other: String(subAgent) };
  if ('thread_spawn' in subAgent && typeof subAgent.thread_spawn === 'object' && subAgent.thread_spawn !== null) {
    const spawn = subAgent.thread_spawn as { parent_thread_id?: unknown; depth?: unknown };
    if (typeof spawn.parent_thread_id === 'string' && typeof spawn.depth === 'number') return subAgent as SubAgent;
  }
  return { other: 'other' in subAgent ? String(subAgent.other) : 'unknown' };
}

/** The conversation that spawned this one, or null. */
export function parentOf({ parent_thread_id: parentId, source }: SessionMetaPayload): string | null {
  if (typeof parentId === 'string') return parentId;
  const from = toSessionSource(source);
  if (typeof from === 'string' || !('subAgent' in from)) return null;
  const { subAgent } = from;
  return typeof subAgent === 'object' && 'thread_spawn' in subAgent ? subAgent.thread_spawn.parent_thread_id : null;
}

/** True when a conversation of this source is of one of the kinds. */
export function isOfSourceKind(source: SessionSource, kinds: readonly string[]): boolean {
  return kindsOf(source).some((kind) => kinds.includes(kind));
}

function kindsOf(source: SessionSource): string[] {
  if (typeof source === 'string') return [source];
  if ('custom' in source) return ['unknown'];
  const { subAgent } = source;
  if (subAgent === 'review') return ['subAgent', 'subAgentReview'];
  if (subAgent === 'compact') return ['subAgent', 'subAgentCompact'];
  if (typeof subAgent === 'object' && 'thread_spawn' in subAgent) return ['subAgent', 'subAgentThreadSpawn'];
  return ['subAgent', 'subAgentOther'];
}
