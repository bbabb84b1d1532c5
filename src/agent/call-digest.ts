// What a call is to do, as a digest: an answer to a question about it holds for this and nothing else. Pure. Session worker.
import { hash } from 'node:crypto';
import type { ResponseItem } from '../rollout/response-item.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';

/** SHA-256 in hex over the call's kind, its tool and its arguments as the model wrote them. */
export function digestCall(call: ResponseItem): string {
  const { name, namespace, arguments: args, input, action } = call as Record<string, unknown>;
  return hash('sha256', stringifyWellFormed([call.type, namespace, name, args, input, action]), 'hex');
}
