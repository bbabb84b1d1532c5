// What the handlers are given: the rest of the house, by its interfaces. Main thread.
import type { Config } from '../../config/config.js';
import type { ListedModel } from '../../config/list-models.js';
import type { IndexClient } from '../../index/index-client.js';
import type { Log } from '../../log.js';
import type { ResultOf } from '../../protocol/methods.js';
import type { ConversationRegistry } from '../../registry/conversation-registry.js';
import type { CommandDesk } from '../command-desk.js';
import type { Lifecycle } from '../lifecycle.js';

export interface HandlerContext {
  home: string;
  version: string;
  /** Random, made anew by each daemon. */
  installationId: string;
  registry: ConversationRegistry;
  index: IndexClient;
  lifecycle: Lifecycle;
  /** Reads the configuration afresh; throws config_invalid. */
  readConfig: (cwd: string | null) => Config;
  /** The models that can be chosen, of one provider or (null) all; rejects with config_invalid, provider_unknown. */
  listModels: (provider: string | null) => Promise<ListedModel[]>;
  /** The result of config/read, secrets left out. */
  describeConfig: (cwd: string | null, includeLayers: boolean) => ResultOf<'config/read'>;
  commands: CommandDesk;
  log: Log;
}
