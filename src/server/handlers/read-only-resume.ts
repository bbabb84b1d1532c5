// thread/resume with readOnly: looking on at a conversation that another process owns, or nobody. Main thread.
import type { ParamsOf, ResultOf } from '../../protocol/methods.js';
import { toFacts } from '../../registry/conversation-facts.js';
import { isArchived, noRollout } from '../../registry/missing-rollout.js';
import { toThread } from '../../registry/thread-view.js';
import type { Watch } from '../../registry/watched-conversations.js';
import { frameText } from '../../session/frame-text.js';
import type { Responder } from '../dispatch.js';
import { rawPlace, stringifyWith } from '../raw-json.js';
import type { HandlerContext } from './handler-context.js';
import { readHistory } from './resume-history.js';
import type { ResumedHistory } from './resume-history.js';
import { toWireReattach } from './session-request.js';

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
    respond.resultJson(toReadOnlyResult(context, watch, history, params));
    if (reattach !== null && reattach.type !== 'resync') {
      await fanOut.replay(connection, reattach);
    } else {
      const tell = (method: 'thread/tokenUsage/updated' | 'thread/goal/cleared', more: object): void =>
        fanOut.sendAside(connection, method, frameText(method, { threadId: id, ...more }), cursor.seq);
      if (tokenUsage !== null) {
        tell('thread/tokenUsage/updated', { turnId: tokenUsage.turnId, tokenUsage: tokenUsage.usage });
      }
      tell('thread/goal/cleared', {});
      fanOut.release(connection);
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
  { status, owner, cursor, reattach }: Watch,
  { read, cursors, page }: ResumedHistory,
  params: ParamsOf<'thread/resume'>,
): string {
  const { summary, turnsJson } = read;
  const config = readConfig(null);
  const facts = toFacts(summary, config.modelProvider);
  const model = summary.model ?? config.model ?? '';
  const value = {
    thread: { ...toThread(facts, status, false), turns: rawPlace(0) },
    model,
    modelProvider: facts.modelProvider,
    serviceTier: null,
    disabledPluginIds: [],
    cwd: facts.cwd,
    runtimeWorkspaceRoots: summary.workspaceRoots ?? [facts.cwd],
    instructionSources: [],
    approvalPolicy: summary.approvalPolicy ?? config.approvalPolicy,
    approvalsReviewer: 'user',
    sandbox: summary.sandboxPolicy ?? NO_ACCESS,
    activePermissionProfile: null,
    reasoningEffort: summary.reasoningEffort,
    multiAgentMode: 'explicitRequestOnly',
    collaborationMode: {
      mode: 'default',
      settings: { model, reasoning_effort: summary.reasoningEffort, developer_instructions: null },
    },
    initialTurnsPage: rawPlace(1),
    turnsBackwardsCursor: cursors.turns,
    itemsBackwardsCursor: cursors.items,
    eventsCursor: cursor,
    readOnly: true,
    owner,
    ...toWireReattach(reattach),
    ...ignoredOf(params),
  };
  return stringifyWith(value, [turnsJson ?? '[]', page ?? 'null']);
}

/** Nothing that a request asks to be otherwise can be so. */
function ignoredOf(params: ParamsOf<'thread/resume'>): { ignoredOverrides?: string[] } {
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
  const ignoredOverrides = fields.filter((field) => params[field] != null);
  return ignoredOverrides.length === 0 ? {} : { ignoredOverrides };
}
