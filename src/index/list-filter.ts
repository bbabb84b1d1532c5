// Which conversations a list lets through, as far as summaries tell. Pure. Index thread.
import type { UnnamedSummary } from './conversation-summary.js';
import type { ListParams } from './index-messages.js';
import { DEFAULT_SOURCE_KINDS, isOfSourceKind } from './session-source.js';

/** `hidden`: kept back by provider or kind of source alone. */
export type Verdict = 'shown' | 'hidden' | 'out';

export interface ListFilter {
  judge: (summary: UnnamedSummary) => Verdict;
  /** True when the search term is in these texts, or there is none. */
  findsIn: (...texts: (string | null)[]) => boolean;
  /** In lower case; empty when nothing is searched for. */
  term: string;
}

/** `parents` tells the parent of each conversation that has one, whatever other filters make of it. */
export function toListFilter(params: ListParams, parents: () => ReadonlyMap<string, string>): ListFilter {
  const term = params.searchTerm?.toLowerCase() ?? '';
  const folders = (params.cwd ?? []).map(withoutSlash);
  const providers = params.modelProviders ?? [];
  const excluded = new Set(params.excludedIds);
  const { parentId, ancestorId } = params;
  const hasRelation = parentId !== null || ancestorId !== null;
  const kinds = params.sourceKinds?.length ? params.sourceKinds : hasRelation ? null : DEFAULT_SOURCE_KINDS;
  const descendants = ancestorId === null ? null : descendantsOf(ancestorId, parents());
  return {
    term,
    findsIn: (...texts) => term === '' || texts.some((text) => text !== null && text.toLowerCase().includes(term)),
    judge: (summary) => {
      if (excluded.has(summary.id)) return 'out';
      if (folders.length > 0 && !folders.includes(withoutSlash(summary.cwd))) return 'out';
      if (parentId !== null && summary.parentId !== parentId) return 'out';
      if (descendants?.has(summary.id) === false) return 'out';
      const { modelProvider, source } = summary;
      const isOfProvider = providers.length === 0 || modelProvider === null || providers.includes(modelProvider);
      return isOfProvider && (kinds === null || isOfSourceKind(source, kinds)) ? 'shown' : 'hidden';
    },
  };
}

/** At any depth, without the ancestor itself. */
function descendantsOf(ancestor: string, parents: ReadonlyMap<string, string>): Set<string> {
  const descendants = new Set<string>();
  for (const id of parents.keys()) {
    const line = new Set<string>();
    for (let at: string | undefined = id; at !== undefined && !line.has(at); at = parents.get(at)) {
      if (at === ancestor || descendants.has(at)) {
        for (const member of line) descendants.add(member);
        break;
      }
      line.add(at);
    }
  }
  descendants.delete(ancestor);
  return descendants;
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}
