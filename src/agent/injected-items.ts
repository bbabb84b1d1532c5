// Items that a client puts before the model by itself: checked, and given what every reader of the file expects. Session worker.
import { v7 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import { parseLine } from '../rollout/parse-line.js';
import type { ResponseItem } from '../rollout/response-item.js';

/** Throws invalid_params, naming the item, when one could not be read back from a rollout. */
export function toInjectedItems(items: readonly unknown[], turnId: string): ResponseItem[] {
  return items.map((item, index) => {
    const problem = findProblem(item);
    if (problem !== null) {
      throw new DaemonError('invalid_params', `items[${index}] is not a valid response item: ${problem}`, {
        data: { path: `params.items[${index}]` },
      });
    }
    const sound = item as ResponseItem;
    const id = sound.type === 'message' ? { id: sound.id ?? `msg_${uuid()}` } : {};
    return { ...sound, ...id, internal_chat_message_metadata_passthrough: { turn_id: turnId } };
  });
}

function findProblem(item: unknown): string | null {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return `invalid type: ${describe(item)}, expected internally tagged enum ResponseItem`;
  }
  if (typeof (item as { type?: unknown }).type !== 'string') return 'missing field `type`';
  const isReadable = typeof parseLine({ type: 'response_item', payload: structuredClone(item) }) === 'object';
  return isReadable ? null : `a ${(item as { type: string }).type} lacks what it must have`;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, 64))}`;
  return Array.isArray(value) ? 'sequence' : `${typeof value} \`${JSON.stringify(value)}\``;
}
