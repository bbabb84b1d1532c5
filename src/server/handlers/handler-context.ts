// What the handlers are given: the rest of the house, by its interfaces. Main thread.
import type { LoadedConfig } from '../../config/load-config.js';
import type { IndexClient } from '../../index/index-client.js';
import type { Log } from '../../log.js';
import type { ConversationRegistry } from '../../registry/conversation-registry.js';

export interface HandlerContext {
  home: string;
  version: string;
  /** Random, made anew by each daemon. */
  installationId: string;
  registry: ConversationRegistry;
  index: IndexClient;
  /** Reads the configuration afresh; throws config_invalid. */
  loadConfig: (cwd: string | null) => LoadedConfig;
  log: Log;
}
