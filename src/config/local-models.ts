// What the model servers of this machine have, asked at most every few seconds and never on the way of a turn. Main thread.
import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderSettings } from '../agent/model/model.js';
import type { Log } from '../log.js';
import { askModels, describeAddress } from './ask-models.js';
import type { ModelsAnswer } from './ask-models.js';

export interface LocalModelsOptions {
  log: Pick<Log, 'debug'>;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
}

/** So long an answer counts, whichever it was. */
const FRESH_MS = 3_000;
/** Somebody chose that server, and waits for it. */
const ASKED_PATIENCE_MS = 2_000;
/** Nobody asked for that server: it must not be felt when it hangs. */
const UNASKED_PATIENCE_MS = 300;

/** Whoever made it closes it. */
export class LocalModels {
  readonly #options: LocalModelsOptions;
  readonly #closing = new AbortController();
  /** By address; bounded by the number of addresses that are configured. */
  readonly #answers = new Map<string, { askedAt: number; answer: Promise<ModelsAnswer> }>();

  constructor(options: LocalModelsOptions) {
    this.#options = options;
  }

  /** Asks a server that somebody chose, wherever it is: at most 2 s. Requests of one moment share an answer. Never rejects. */
  ask(provider: ProviderSettings): Promise<ModelsAnswer> {
    const { now = () => performance.now(), log } = this.#options;
    const key = provider.baseUrl ?? '';
    const known = this.#answers.get(key);
    if (known !== undefined && now() - known.askedAt < FRESH_MS) return known.answer;
    const answer = askModels(provider, ASKED_PATIENCE_MS, this.#closing.signal);
    this.#answers.set(key, { askedAt: now(), answer });
    void answer.then((told) => {
      const outcome = 'models' in told ? { models: told.models.length } : told;
      log.debug('asked for models', { provider: provider.id, address: describeAddress(key), ...outcome });
    });
    return answer;
  }

  /**
   * The models of a server that nobody chose: empty unless it is on this machine and answers within 300 ms. One that is
   * slower is there the next time. Never rejects.
   */
  async find(provider: ProviderSettings): Promise<string[]> {
    if (!isLoopback(provider.baseUrl)) return [];
    const patience = new AbortController();
    const lateness = delay(UNASKED_PATIENCE_MS, null, { signal: patience.signal }).catch(() => null);
    const told = await Promise.race([this.ask(provider), lateness]);
    patience.abort();
    return told !== null && 'models' in told ? told.models : [];
  }

  /** Ends what is being asked. */
  close(): void {
    this.#closing.abort();
  }
}

function isLoopback(baseUrl: string | null): boolean {
  if (baseUrl === null || !URL.canParse(baseUrl)) return false;
  return /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/.test(new URL(baseUrl).hostname);
}
