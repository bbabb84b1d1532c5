// Lists the conversations of a test's home, as the index thread does. Main thread.
import { ConversationMetadata } from '../../src/index/conversation-metadata.js';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import type { ListParams, ListResult } from '../../src/index/index-messages.js';
import { listConversations } from '../../src/index/list-conversations.js';
import type { ListSources } from '../../src/index/list-conversations.js';
import { SummaryReader } from '../../src/index/read-summary.js';

/** What a request without any params asks for. */
export const WHOLE_LIST: ListParams = {
  cursor: null,
  limit: 25,
  sortKey: 'created_at',
  sortDirection: 'desc',
  searchTerm: null,
  cwd: null,
  modelProviders: null,
  sourceKinds: null,
  archived: false,
  excludedIds: [],
  parentId: null,
  ancestorId: null,
};

export interface Lister {
  /** What is not said is as a client leaves it out. */
  list: (params?: Partial<ListParams>) => Promise<ListResult>;
  previews: (params?: Partial<ListParams>) => Promise<string[]>;
}

/** To be called within describe(): remembers within one test what it read. */
export function useLister(home: () => string): Lister {
  let sources: ListSources;
  beforeEach(() => {
    sources = {
      finder: new ConversationFinder(home(), new FileMetas()),
      summaries: new SummaryReader(),
      metadata: new ConversationMetadata(home()),
    };
  });
  const list = (params: Partial<ListParams> = {}): Promise<ListResult> => {
    return listConversations({ ...WHOLE_LIST, ...params }, sources);
  };
  return { list, previews: async (params) => (await list(params)).data.map(({ preview }) => preview) };
}
