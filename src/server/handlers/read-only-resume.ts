// thread/resume with readOnly: looking on at a conversation that another process owns, or nobody. Main thread.
import type { ReadResult } from '../../index/index-messages.js';
import type { ParamsOf, ResultOf } from '../../protocol/methods.js';
import { toFacts } from '../../registry/conversation-facts.js';
import { isArchived, noRollout } from '../../registry/missing-rollout.js';
import { toThread } from '../../registry/thread-view.js';
import type { Watch } from '../../registry/watched-conversations.js';
import type { Responder } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';
import { readHistory, toResumeJson } from './resume-history.js';
import { completeResult } from './session-request.js';

/** The narrowest there is, for a conversation that no turn was recorded of. */
const NO_ACCESS: ResultOf<'thread/resume'>['sandbox'] = { type: 'readOnly', networkAccess: false };

/** Answers with what the file holds, then lets flow what has been written since. Throws what reading it throws. */
export async function answerReadOnly(
  context: HandlerContext,
  watch: Watch,
  params: ParamsOf<'thread/resume'>,
  respond: Responder<ResultOf<'thread/resume'>>,
): Promise<void> {
  const { registry, index } = context;
  const { connection } = respond;
  const { watched, source, cursor, reattach } = watch;
  const { id, fanOut } = watched;
  try {
    const history = await readHistory(index, id, source, params);
    const { summary, tokenUsage } = history.read;
    // The file may hold another conversation than its name says.
    if (summary.id !== id) throw noRollout(id);
    if (summary.archived) throw isArchived(id);
    const result = toReadOnlyResult(context, watch, history.read);
    respond.resultJson(toResumeJson({ result, history, reattach, ignoredOverrides: ignoredOf(params) }));
    if (reattach !== null && reattach.type !== 'resync') {
      void fanOut.replay(connection, reattach);
    } else {
      fanOut.catchUp(connection, cursor, tokenUsage);
    }
  } catch (error) {
    if (watch.isNew) registry.unsubscribe(id, connection);
    else fanOut.release(connection);
    throw error;
  }
  if (!connection.isOpen) registry.unsubscribe(id, connection);
}

/** Settings as the file tells them: its owner's may have changed since the last turn. */
function toReadOnlyResult(
  { readConfig }: HandlerContext,
  { status, owner, cursor }: Watch,
  { summary }: ReadResult,
): ResultOf<'thread/start'> {
  const config = readConfig(null);
  const facts = toFacts(summary, config.modelProvider);
  const result = completeResult({
    thread: toThread(facts, status, false),
    model: summary.model ?? config.model ?? '',
    modelProvider: facts.modelProvider,
    cwd: facts.cwd,
    runtimeWorkspaceRoots: summary.workspaceRoots ?? [facts.cwd],
    approvalPolicy: summary.approvalPolicy ?? config.approvalPolicy,
    sandbox: summary.sandboxPolicy ?? NO_ACCESS,
    reasoningEffort: summary.reasoningEffort,
    instructionSources: [],
    eventsCursor: cursor,
  });
  const own: Pick<ResultOf<'thread/resume'>, 'readOnly' | 'owner'> = { readOnly: true, owner };
  return { ...result, ...own };
}

/** Nothing that a request asks to be otherwise can be so. */
function ignoredOf(params: ParamsOf<'thread/resume'>): string[] {
  const fields = [
    'model',
    'modelProvider',
    'cwd',
    'approvalPolicy',
    'sandbox',
    'developerInstructions',
    'config',
    'baseInstructions',
  ] as const;
  return fields.filter((field) => params[field] != null);
}
