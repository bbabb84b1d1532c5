// Answers what the main thread asks about conversations, from the files alone. Index thread.
import { DaemonError } from '../errors.js';
import { ConversationNames } from './conversation-names.js';
import { ConversationFinder } from './find-conversation.js';
import type { IndexCalls, IndexMethod, IndexReply, IndexRequest } from './index-messages.js';
import { listConversations } from './list-conversations.js';
import { readConversation } from './read-conversation.js';
import { SummaryReader } from './read-summary.js';

export class IndexService {
  readonly #home: string;
  readonly #names: ConversationNames;
  readonly #summaries = new SummaryReader();
  readonly #finder: ConversationFinder;

  /** `home` is absolute. */
  constructor(home: string) {
    this.#home = home;
    this.#names = new ConversationNames(home);
    this.#finder = new ConversationFinder(home);
  }

  /** Never rejects: a failure is a reply. */
  async answer(request: IndexRequest): Promise<IndexReply> {
    const { requestId } = request;
    try {
      return { requestId, result: await this.#call(request) };
    } catch (error) {
      return { requestId, error: DaemonError.from(error, 'rollout_unreadable').toData() };
    }
  }

  #call(request: IndexRequest): Promise<IndexCalls[IndexMethod]['result']> {
    switch (request.method) {
      case 'list':
        return listConversations(this.#home, request.params, this.#summaries, this.#names);
      case 'read':
        return readConversation(this.#home, request.params, this.#names);
      case 'find':
        return this.#finder.find(request.params.id);
      default:
        throw new DaemonError('invalid_request', `the index cannot answer ${request.method} yet`);
    }
  }
}
