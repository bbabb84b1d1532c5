// apply_patch: changes files, all of a patch or nothing of it. Session worker.
import { digestCall } from '../call-digest.js';
import { refusalOf } from '../approval-refusal.js';
import { pushNotification } from '../frame.js';
import { FileChangeItem } from '../file-change-item.js';
import { applyPlan } from '../patch/apply-plan.js';
import { findDiffRoot } from '../patch/find-diff-root.js';
import { PatchError } from '../patch/patch-error.js';
import { planPatch } from '../patch/plan-patch.js';
import type { PatchPlan } from '../patch/plan-patch.js';
import { TurnDiff } from '../patch/turn-diff.js';
import { decidePatch } from '../policy/decide-patch.js';
import { findClosedFiles, writablePlaces } from '../policy/writable-places.js';
import { PATCH_GRAMMAR } from './patch-grammar.js';
import { ToolFailure } from './tool.js';
import type { Invocation, Tool, ToolOutput } from './tool.js';

const FUNCTION_DESCRIPTION = `Changes files by a patch: all of it or nothing. Its form:
*** Begin Patch
*** Add File: new.txt
+each line of the new file
*** Update File: old.txt
*** Move to: optional-new-name.txt
@@ optional line that stands above the place
 a line that stays
-a line that goes
+a line that comes
*** Delete File: gone.txt
*** End Patch
Three lines that stay before and after each change say where it is.`;

export const APPLY_PATCH: Tool = {
  name: 'apply_patch',
  isParallel: false,
  definition: {
    type: 'custom',
    name: 'apply_patch',
    description: 'Changes files by a patch in its own format. It is no JSON: the text is the patch.',
    format: { type: 'grammar', syntax: 'lark', definition: PATCH_GRAMMAR },
  },
  asFunction: {
    type: 'function',
    name: 'apply_patch',
    description: FUNCTION_DESCRIPTION,
    strict: false,
    parameters: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The patch.' } },
      required: ['input'],
      additionalProperties: false,
    },
  },
  run: (invocation) => {
    const { input, state } = invocation;
    const text = typeof input === 'string' ? input : (input as { input?: unknown } | null)?.input;
    if (typeof text !== 'string') throw new ToolFailure('apply_patch needs a patch');
    return applyPatch(invocation, text, state.settings.cwd);
  },
};

/** `cwd` is absolute: paths of the patch are relative to it. Rejects with ToolFailure; then no file has changed. */
export async function applyPatch(invocation: Invocation, text: string, cwd: string): Promise<ToolOutput> {
  const { state, turn, itemId, signal, markShown, onCut, commit } = invocation;
  try {
    const plan = await planPatch(text, cwd, { hidden: state.tools.hidden });
    const item = new FileChangeItem(state, turn.id, itemId, plan.changes);
    await allow(invocation, plan, item);
    if (signal.aborted) throw new ToolFailure('aborted');
    markShown();
    onCut(() => item.complete('failed'));
    item.start();
    // What is told of it must be what has become of the files.
    commit();
    await applyPlan(plan).catch((error: unknown) => {
      item.complete('failed');
      throw error;
    });
    item.complete('completed');
    if (!turn.ended) await tellDiff(invocation, plan);
    return plan.summary;
  } catch (error) {
    if (error instanceof PatchError) throw new ToolFailure(error.message);
    throw error;
  }
}

/** Resolves when it may be applied. */
async function allow(invocation: Invocation, plan: PatchPlan, item: FileChangeItem): Promise<void> {
  const { state, turn, callId, itemId, call, signal, markShown, onCut } = invocation;
  const { settings, tools } = state;
  const files = plan.targets.map(({ path }) => path);
  const places = writablePlaces(settings.sandboxPolicy, {
    cwd: settings.cwd,
    workspaceRoots: settings.workspaceRoots,
    temporaryFolder: process.env['TMPDIR'] ?? null,
    closedFolders: [tools.home],
  });
  const closedFiles = await findClosedFiles(places, files);
  const { approvalPolicy, sandboxPolicy } = settings;
  const decision = decidePatch({ files, closedFiles }, { approvalPolicy, sandboxPolicy, approvals: tools.approvals });
  if (decision.type === 'run') return;
  if (signal.aborted) throw new ToolFailure('aborted');
  markShown();
  onCut(() => item.complete('declined'));
  if (decision.type === 'forbid') {
    item.start();
    item.complete('declined');
    throw new ToolFailure(decision.messageForModel);
  }
  // Unlike a command, it begins before the status that tells of the waiting, and is declined after it: as clients know it.
  item.start();
  const answer = await state.desk.ask(turn, {
    callId,
    method: 'item/fileChange/requestApproval',
    params: {
      threadId: state.conversationId,
      turnId: turn.id,
      itemId,
      startedAtMs: item.startedAtMs,
      reason: decision.reason,
      grantRoot: null,
    },
    digest: digestCall(call),
    timeoutMs: settings.approvalTimeoutMs,
  });
  const refusal = refusalOf(answer, 'Nothing was changed');
  if (refusal === null) {
    if (answer.type === 'answered' && answer.result.decision === 'acceptForSession') tools.approvals.acceptFiles(files);
    return;
  }
  item.complete('declined');
  if (answer.type === 'answered' && answer.result.decision === 'cancel') state.interrupt();
  throw new ToolFailure(refusal);
}

async function tellDiff({ state, turn }: Invocation, plan: PatchPlan): Promise<void> {
  turn.diff ??= new TurnDiff(await findDiffRoot(state.settings.cwd));
  turn.diff.note(plan.files);
  if (turn.ended) return;
  const params = { threadId: state.conversationId, turnId: turn.id, diff: turn.diff.text() };
  pushNotification(state.outbox, 'turn/diff/updated', params);
}
