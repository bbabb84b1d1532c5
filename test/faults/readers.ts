// A client that lists and reads without pause: each answer is whole, or says that the index was lost. Main thread.
import type { ToldThread } from './told.js';
import type { Scene } from './scenario.js';
import type { Violation } from './violation.js';
import { ConnectionLost, RequestRefused } from './wire-client.js';
import type { WireClient } from './wire-client.js';

export interface Reading {
  /** Resolves when the last answer is there. */
  stop(): Promise<void>;
}

export class Readers {
  #answered = 0;
  #refused = 0;

  /** Reads with a connection of its own until it is stopped, or the daemon goes. */
  read(scene: Scene): Reading {
    let isOver = false;
    const done = this.#readUntil(scene, () => isOver);
    return {
      stop: () => {
        isOver = true;
        return done;
      },
    };
  }

  describe(): [string, string][] {
    return [
      ['lists and reads answered', String(this.#answered)],
      ['  refused because the index was lost', String(this.#refused)],
    ];
  }

  async #readUntil(scene: Scene, isOver: () => boolean): Promise<void> {
    /** Turns that a read has shown once: they stay. */
    const shown = new Map<string, string[]>();
    try {
      const client = await scene.life.openClient();
      while (!isOver()) {
        scene.report(await this.#readAll(client, scene, shown));
      }
      client.close();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  async #readAll(client: WireClient, { conversations }: Scene, shown: Map<string, string[]>): Promise<Violation[]> {
    const violations: Violation[] = [];
    await this.#ask(() => client.request('thread/list', { limit: 50 }));
    for (const { told } of conversations) {
      if (told !== null) violations.push(...(await this.#readOne(client, told, shown)));
    }
    return violations;
  }

  async #readOne(client: WireClient, { threadId }: ToldThread, shown: Map<string, string[]>): Promise<Violation[]> {
    const answer = await this.#ask(() => client.request('thread/turns/list', { threadId, sortDirection: 'asc' }));
    if (answer === null) return [];
    const ids = (answer.data as { id: string }[]).map(({ id }) => id);
    const before = shown.get(threadId) ?? [];
    shown.set(threadId, ids);
    if (before.every((id, index) => ids[index] === id)) return [];
    const what = 'a list of turns lacks turns that it showed before';
    return [{ kind: 'lost', threadId, what, told: before.join(' '), found: ids.join(' ') }];
  }

  /** Null when the index was lost, or there is nothing to read yet. */
  async #ask(request: () => Promise<Record<string, unknown>>): Promise<Record<string, unknown> | null> {
    try {
      const answer = await request();
      this.#answered += 1;
      return answer;
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      if (error.reason === 'history_not_materialized') return null;
      if (error.reason !== 'index_lost') throw error;
      this.#refused += 1;
      return null;
    }
  }
}
