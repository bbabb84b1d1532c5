// Starts a conversation that has no file yet: from nothing, from a copy, or by reference to another's history. Main thread.
import { v7 as uuid } from 'uuid';
import { rolloutPathFor } from '../rollout/file-name.js';
import type { InitialHistory } from '../session/messages.js';
import { freshFacts } from './conversation-facts.js';
import type { ConversationLoader } from './conversation-loader.js';
import type { ConversationSlots } from './conversation-slots.js';
import { readGitInfo } from './git-info.js';
import type { LoadedConversation } from './loaded-conversation.js';
import type { ConversationRequest, OwnerLocks, ResolvedSettings } from './seams.js';

export interface FreshStartOptions {
  home: string;
  version: string;
  locks: OwnerLocks;
}

/** What a fork takes over beside the history. */
export interface Inheritance {
  preview: string;
  name: string | null;
}

export class FreshStart {
  readonly #options: FreshStartOptions;
  readonly #slots: ConversationSlots;
  readonly #loader: ConversationLoader;

  constructor(options: FreshStartOptions, slots: ConversationSlots, loader: ConversationLoader) {
    this.#options = options;
    this.#slots = slots;
    this.#loader = loader;
  }

  /** Under an id of its own. Nothing is on disk but its lock; see the session's `materialize`. */
  begin(
    request: ConversationRequest,
    { settings, unloadDelayMs }: ResolvedSettings,
    history: InitialHistory,
    { preview, name }: Inheritance = { preview: '', name: null },
  ): Promise<LoadedConversation> {
    const { home, version, locks } = this.#options;
    const id = uuid();
    return this.#slots.start(id, async () => {
      const createdAt = new Date();
      const path = request.ephemeral ? null : rolloutPathFor(home, createdAt, id);
      const git = path === null ? null : await readGitInfo(settings.cwd);
      const forkedFromId = 'forkedFromId' in history ? history.forkedFromId : null;
      const mode = request.historyMode ?? 'paginated';
      const facts = freshFacts(
        { id, path, forkedFromId, mode, preview, name, createdAt, version, git },
        settings,
        request,
      );
      const { originator } = request;
      const meta = { createdAt: createdAt.toISOString(), originator, cliVersion: version, source: 'vscode', git };
      const lease = path === null ? null : await locks.acquire(id);
      return this.#loader.load({ history, facts, meta, settings, unloadDelayMs, lease });
    });
  }
}
