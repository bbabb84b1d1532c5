// Hands a request to the session of a conversation; to the one that takes its place, when it did not look at it. Main thread.
import type { DaemonError } from '../../errors.js';
import type { Conversation } from '../../registry/conversation.js';
import type { SessionRequest } from '../../session/session-handle.js';
import type { Responder } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';

/**
 * At once when the conversation is loaded, which is nearly always; else when it has been loaded, if somebody is at that.
 * Throws or rejects with conversation_not_found.
 */
export function askSession(
  registry: HandlerContext['registry'],
  threadId: string,
  request: SessionRequest,
  respond: Responder<never>,
): void | Promise<void> {
  const ask = (conversation: Conversation): void => {
    const onError = (error: DaemonError): void => {
      if (error.code === 'session_over') void askNext(conversation);
      else respond.error(error);
    };
    conversation.request(request, { onResult: respond.resultJson, onError });
  };
  const askNext = async (former: Conversation): Promise<void> => {
    try {
      await former.over;
      ask(await registry.awaitConversation(threadId));
    } catch (error) {
      respond.error(error);
    }
  };
  const loaded = registry.findLoaded(threadId);
  return loaded === null ? registry.awaitConversation(threadId).then(ask) : ask(loaded);
}
