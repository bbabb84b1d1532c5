// Answers what the main thread asks about conversations, from the files alone. Index thread.
import { DaemonError } from '../errors.js';
import type { SegmentLocator } from '../rollout/lineage.js';
import { resolveRolloutPath } from '../rollout/resolve-rollout-path.js';
import { restoreRollout } from '../rollout/restore-rollout.js';
import { openHistory } from './conversation-history.js';
import { ConversationMetadata } from './conversation-metadata.js';
import type { UnnamedSummary } from './conversation-summary.js';
import { TurnReader } from './conversation-turns.js';
import type { ConversationTurns } from './conversation-turns.js';
import { cutHistory } from './cut-history.js';
import { FileMetas } from './file-metas.js';
import { FollowedRollout } from './followed-rollout.js';
import { ConversationFinder } from './find-conversation.js';
import { findDependents } from './find-dependents.js';
import { newestPreview } from './home-summaries.js';
import type {
  ConversationSummary,
  DescribeResult,
  FollowedPlace,
  FollowParams,
  IndexCalls,
  IndexMethod,
  IndexNews,
  IndexReply,
  IndexRequest,
  PageSource,
  ReadParams,
  ReadResult,
} from './index-messages.js';
import { listConversations } from './list-conversations.js';
import { findTailCursors, pageItems, pageTurns, readItems } from './page-turns.js';
import { readConversation } from './read-conversation.js';
import { readWholeSummary, SummaryReader } from './read-summary.js';

export class IndexService {
  readonly #home: string;
  readonly #metadata: ConversationMetadata;
  readonly #metas = new FileMetas();
  readonly #summaries = new SummaryReader();
  readonly #finder: ConversationFinder;
  readonly #turns: TurnReader;
  /** Those that are just being opened are among them. */
  readonly #followed = new Map<number, Promise<FollowedRollout>>();
  readonly #tell: (news: IndexNews) => void;

  /** `home` is absolute. `tell` gets the news of what is followed. */
  constructor(home: string, tell: (news: IndexNews) => void = () => undefined) {
    this.#home = home;
    this.#tell = tell;
    this.#metadata = new ConversationMetadata(home);
    this.#finder = new ConversationFinder(home, this.#metas);
    this.#turns = new TurnReader(home);
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
    const home = this.#home;
    const sources = {
      finder: this.#finder,
      metas: this.#metas,
      summaries: this.#summaries,
      metadata: this.#metadata,
    };
    const locate = this.#finder.locator();
    switch (request.method) {
      case 'list':
        return listConversations(request.params, sources);
      case 'read':
        return this.#read(request.params, locate);
      case 'find':
        return this.#finder.find(request.params.id);
      case 'describe':
        return this.#describe(request.params.path, locate);
      case 'turnsPage':
        return this.#page(request.params, locate, pageTurns, request.params.itemsView !== 'notLoaded');
      case 'itemsPage':
        return this.#page(request.params, locate, pageItems);
      case 'itemsRead':
        return this.#page(request.params, locate, readItems);
      case 'tailCursors':
        return this.#page(request.params, locate, findTailCursors);
      case 'cut':
        return cutHistory(home, request.params, locate);
      case 'files':
        return this.#finder.files(request.params.id);
      case 'dependents':
        return findDependents(request.params.id, sources);
      case 'restore':
        return this.#restore(request.params.path);
      case 'follow':
        return this.#follow(request.params);
      case 'catchUp':
        return this.#catchUp(request.params.followId);
      case 'unfollow':
        return this.#unfollow(request.params.followId);
    }
  }

  async #follow({ followId, conversationId, path, end }: FollowParams): Promise<FollowedPlace> {
    const starting = FollowedRollout.start(
      {
        home: this.#home,
        conversationId,
        open: (file) => openHistory(this.#home, file, this.#finder.locator()),
        findCurrent: () => this.#findActive(conversationId),
        onNews: (news) => {
          if (news.type === 'gone') this.#followed.delete(followId);
          this.#tell({ followId, news });
        },
      },
      path,
      end ?? null,
    );
    this.#followed.set(followId, starting);
    try {
      return (await starting).place;
    } catch (error) {
      this.#followed.delete(followId);
      throw error;
    }
  }

  async #catchUp(followId: number): Promise<null> {
    const followed = await this.#followed.get(followId);
    await followed?.catchUp();
    return null;
  }

  async #unfollow(followId: number): Promise<null> {
    const followed = this.#followed.get(followId);
    this.#followed.delete(followId);
    (await followed)?.close();
    return null;
  }

  async #findActive(id: string): Promise<string | null> {
    const current = (await this.#finder.filesOf(id)).at(-1);
    return current === undefined || current.archived ? null : current.path;
  }

  async #read(params: ReadParams, locate: SegmentLocator): Promise<ReadResult> {
    const history = await openHistory(this.#home, params.path, locate);
    const read = await readConversation(history, params, this.#turns);
    return { ...read, summary: await this.#complete(read.summary, locate) };
  }

  async #page<Params extends PageSource, Result>(
    params: Params,
    locate: SegmentLocator,
    take: (read: ConversationTurns, params: Params) => Result,
    withItems = true,
  ): Promise<Result> {
    const history = await openHistory(this.#home, params.path, locate);
    return take(await this.#turns.read(history, { ...params, withItems }), params);
  }

  async #describe(path: string, locate: SegmentLocator): Promise<DescribeResult> {
    const history = await openHistory(this.#home, path, locate);
    const summary = await readWholeSummary(history);
    return { summary: await this.#complete(summary, locate), sources: history.sources };
  }

  /** Adds what other files say of the conversation. */
  async #complete(summary: UnnamedSummary, locate: SegmentLocator): Promise<ConversationSummary> {
    const { apply } = await this.#metadata.read();
    if (summary.preview !== '') return apply(summary);
    const files = await this.#finder.filesOf(summary.id);
    const at = files.findIndex(({ path }) => path === summary.path);
    const preview = at <= 0 ? '' : await newestPreview(files.slice(0, at), this.#summaries, locate);
    return apply({ ...summary, preview });
  }

  async #restore(path: string): Promise<null> {
    await restoreRollout(await resolveRolloutPath(this.#home, path));
    return null;
  }
}
