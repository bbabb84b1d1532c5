// Makes the thread that it is loaded into do as the driver says. Session workers, writer and index thread.
import { MessagePort, threadId } from 'node:worker_threads';
import type { BroadcastChannel } from 'node:worker_threads';
import { layDisk } from './disk-layer.js';
import type { Disk } from './disk-layer.js';
import type { Order, Report, ThreadRole } from './orders.js';
import { WAYS_TO_DIE } from './ways-to-die.js';

/** By the file that the thread runs. */
const ROLES: readonly [RegExp, ThreadRole][] = [
  [/rollout-writer\.js$/, 'writer'],
  [/workers[/\\]index\.js$/, 'index'],
  [/piscina/, 'session'],
];

export function obeyOrders(channel: BroadcastChannel): void {
  const tell = (report: Report): void => channel.postMessage(report);
  const entry = process.argv[1] ?? '';
  const role = ROLES.find(([pattern]) => pattern.test(entry))?.[1] ?? 'other';
  const disk: Disk | null = role === 'writer' ? layDisk(process.env, tell) : null;
  channel.onmessage = (event: unknown) => {
    const order = (event as { data: Order }).data;
    if (order.type === 'disk' && disk !== null) {
      disk.fail(order.faults);
      tell({ type: 'diskSet', thread: threadId });
    } else if (order.type === 'die' && order.thread === threadId) {
      // A throw inside a listener of this channel is not what happens to a program.
      setTimeout(WAYS_TO_DIE[order.way], 0);
    }
  };
  if (role === 'session') tellHostedConversations(tell);
  tell({ type: 'here', thread: threadId, role });
}

/** The first and the last message of each session say which conversation it is about. */
function tellHostedConversations(tell: (report: Report) => void): void {
  const hosted = new WeakMap<MessagePort, string>();
  const prototype = MessagePort.prototype as { postMessage: MessagePort['postMessage'] };
  const { postMessage } = prototype;
  prototype.postMessage = function note(this: MessagePort, ...args: Parameters<MessagePort['postMessage']>) {
    const event = args[0] as { type?: string; conversationId?: string } | null;
    if (event?.type === 'sessionConfigured') {
      hosted.set(this, event.conversationId!);
      tell({ type: 'hosts', thread: threadId, conversation: event.conversationId! });
    } else if (event?.type === 'ended' && hosted.has(this)) {
      tell({ type: 'leaves', thread: threadId, conversation: hosted.get(this)! });
    }
    // A broadcast channel looks at what its own port returns.
    return postMessage.apply(this, args);
  };
}
