// A command of the model, from the question whether it may run to its end, with the item that people see of it. Session worker.
import { joinCommand } from '../rollout/join-command.js';
import { digestCall } from './call-digest.js';
import { refusalOf } from './approval-refusal.js';
import type { Answer } from './approvals.js';
import { CommandItem } from './command-item.js';
import { exitCodeOf } from './exec/exit-code.js';
import { joinOutput } from './exec/output-buffer.js';
import type { CommandOutcome, ExecResult } from './exec/running-command.js';
import { appendPrefixRule } from './policy/append-prefix-rule.js';
import { commandActions, parseCommand } from './policy/command-actions.js';
import { decideCommand, identifyCommand } from './policy/decide-command.js';
import type { CommandDecision, CommandRequest } from './policy/decide-command.js';
import { FREE } from './session-tools.js';
import { ToolFailure } from './tools/tool.js';
import type { Invocation } from './tools/tool.js';

type CommandAnswer = Answer<'item/commandExecution/requestApproval'>;
type Question = CommandDecision & { type: 'ask' };

const NOT_RUN = 'Not run';

export interface CommandCall extends CommandRequest {
  tty: boolean;
  /** Milliseconds to wait for its end. */
  yieldMs: number;
  /** Whether it goes on when that is over; otherwise it is ended. */
  mayOutlive: boolean;
}

/** Resolves when it has ended, or goes on beyond its time. Rejects with ToolFailure when it did not run. */
export async function runCommand(invocation: Invocation, call: CommandCall): Promise<ExecResult> {
  const { state, turn, itemId, signal, markShown, onCut } = invocation;
  const decision = decideCommand(call, await state.tools.policyState(state));
  const item = new CommandItem(state, turn.id, itemId, {
    argv: [...call.argv],
    cwd: call.cwd,
    parsedCmd: parseCommand(call.argv),
    source: decision.type === 'run' && call.mayOutlive ? 'unified_exec_startup' : 'agent',
  });
  if (signal.aborted) throw new ToolFailure('aborted');
  markShown();
  onCut(() => item.cut());
  if (decision.type === 'forbid') {
    item.start(null);
    item.decline();
    throw new ToolFailure(decision.messageForModel);
  }
  let sandboxed = decision.type === 'run' && decision.sandboxed;
  if (decision.type === 'ask') {
    await askFor(invocation, call, decision, item);
    sandboxed = decision.thenSandboxed;
  }
  return start(invocation, call, item, sandboxed);
}

/** Resolves when it may run. Rejects with ToolFailure when it may not. */
async function askFor(invocation: Invocation, call: CommandCall, question: Question, item: CommandItem): Promise<void> {
  const { state, turn, callId, itemId, call: response } = invocation;
  const answer = await state.desk.ask(turn, {
    callId,
    method: 'item/commandExecution/requestApproval',
    params: {
      kind: 'command',
      threadId: state.conversationId,
      turnId: turn.id,
      itemId,
      startedAtMs: item.startedAtMs,
      environmentId: 'local',
      reason: question.reason,
      command: joinCommand(call.argv),
      cwd: call.cwd,
      commandActions: commandActions(call.argv, call.cwd),
      ...(question.proposedAmendment === null ? {} : { proposedExecpolicyAmendment: question.proposedAmendment }),
      availableDecisions: question.availableDecisions,
    },
    digest: digestCall(response),
    timeoutMs: state.settings.approvalTimeoutMs,
    announce: () => item.start(null),
    settle: (given) => {
      if (refusalOf(given, NOT_RUN) !== null) item.decline();
    },
  });
  const refusal = refusalOf(answer, NOT_RUN);
  if (refusal !== null) {
    if (answer.type === 'answered' && answer.result.decision === 'cancel') state.interrupt();
    throw new ToolFailure(refusal);
  }
  const { decision } = (answer as CommandAnswer & { type: 'answered' }).result;
  if (decision === 'acceptForSession') state.tools.approvals.acceptCommand(identifyCommand(call));
  if (typeof decision === 'object' && 'acceptWithExecpolicyAmendment' in decision) {
    await appendPrefixRule(state.tools.home, decision.acceptWithExecpolicyAmendment.execpolicy_amendment);
  }
}

async function start(
  { state, signal }: Invocation,
  call: CommandCall,
  item: CommandItem,
  sandboxed: boolean,
): Promise<ExecResult> {
  const { settings, tools } = state;
  try {
    const result = await tools.exec({
      argv: call.argv,
      cwd: call.cwd,
      tty: call.tty,
      yieldMs: call.yieldMs,
      sandboxPolicy: sandboxed ? settings.sandboxPolicy : FREE,
      workspaceRoots: [settings.cwd, ...settings.workspaceRoots],
      signal,
      onStarted: ({ processId }) => item.run(String(processId), call.mayOutlive ? 'unified_exec_startup' : 'agent'),
      onDelta: (text) => item.addOutput(text),
      onExit: (outcome) => item.end(endOf(outcome)),
    });
    if (result.exit === null && !call.mayOutlive) await tools.runner.terminate(result.processId);
    return result;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    item.fail(message);
    throw new ToolFailure(message);
  }
}

function endOf({ exit, output, durationMs }: CommandOutcome) {
  return { exitCode: exitCodeOf(exit), output: joinOutput(output), durationMs };
}
