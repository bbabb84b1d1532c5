// A request for a conversation that leaves everything to the configuration. Any thread.
import type { ConversationRequest } from '../../src/registry/seams.js';

export const NOTHING_ASKED: ConversationRequest = {
  originator: 'test',
  ephemeral: false,
  threadSource: null,
  historyMode: null,
  cwd: null,
  model: null,
  modelProvider: null,
  approvalPolicy: null,
  sandbox: null,
  baseInstructions: null,
  developerInstructions: null,
  config: null,
};
