// Picks the model client for a provider. Session worker.
import type { ModelClient, ProviderSettings } from './model.js';
import { createOfflineModel } from './offline-model.js';
import { createResponsesModel } from './responses-model.js';

/** Never throws; the caller closes the client. A provider without a base URL is answered by the built-in model. */
export function createModel(provider: ProviderSettings): ModelClient {
  return provider.baseUrl === null ? createOfflineModel() : createResponsesModel(provider);
}
