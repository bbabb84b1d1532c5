// The turn loop: ask the model, take what it streams, answer its calls, until nothing is left to ask. Session worker.
import type { CodexErrorInfo, TurnError } from '../protocol/thread.js';
import { nextChange } from './active-turn.js';
import type { ActiveTurn, Attempt } from './active-turn.js';
import { pushNotification } from './frame.js';
import { releaseHeldItems } from './held-items.js';
import {
  addReasoningText,
  addSummaryPart,
  addText,
  completeItem,
  completePartialItems,
  startItem,
} from './item-stream.js';
import type { ModelError, ModelEvent, ModelUsage } from './model/model.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { SessionState } from './session-state.js';
import { addUsage, RATE_LIMITS_UPDATED, toCore } from './token-totals.js';
import { abortCalls, runCalls } from './run-calls.js';
import { isCall, toSoundCall } from './tool-calls.js';
import { toolDefinitions } from './tools/tool-table.js';
import { completeTurn, failTurn } from './turn-ending.js';

/**
 * Runs the turn to its end. Ends early, without a word, once the turn was ended from outside (interrupt). Never rejects
 * for a failing model: that is the turn's own error.
 */
export async function runTurn(state: SessionState, turn: ActiveTurn): Promise<void> {
  state.journal.follow(turn);
  while (!turn.ended && (turn.needsAnswer || turn.shells.size > 0)) {
    if (!turn.needsAnswer) {
      await nextChange(turn);
      continue;
    }
    turn.needsAnswer = false;
    const failure = await sampleOnce(state, turn);
    if (turn.ended) return;
    releaseHeldItems(state, turn);
    if (failure !== null) {
      failTurn(state, turn, failure);
      return;
    }
  }
  if (!turn.ended) completeTurn(state, turn);
}

/** Cuts the running request short and keeps what it has said so far. Nothing of it is heard afterwards. */
export function cutAttempt(state: SessionState, turn: ActiveTurn): void {
  const attempt = turn.attempt;
  turn.attempt = null;
  if (attempt !== null) {
    attempt.cut = true;
    attempt.controller.abort();
  }
  completePartialItems(state, turn);
  abortCalls(state, turn);
  releaseHeldItems(state, turn);
}

/** The same for a turn that is about to end: nobody is asked anything on its behalf any more. */
export function cutTurn(state: SessionState, turn: ActiveTurn): void {
  state.desk.cancelAll();
  cutAttempt(state, turn);
  for (const shell of [...turn.shells]) shell.cut();
}

/** One request to the model. Resolves to the error that ends the turn, or null. */
async function sampleOnce(state: SessionState, turn: ActiveTurn): Promise<TurnError | null> {
  const { providerProblem } = state.settings;
  if (providerProblem !== null) return problemError(providerProblem);
  turn.hasAskedModel = true;
  const attempt: Attempt = { controller: new AbortController(), cut: false };
  turn.attempt = attempt;
  let failure: ModelError | null = null;
  const request = {
    model: state.settings.model,
    instructions: state.baseInstructions,
    input: state.history,
    tools: toolDefinitions(state.settings),
    reasoningEffort: state.settings.reasoningEffort,
    reasoningSummary: state.settings.reasoningSummary,
    outputSchema: turn.outputSchema,
    cacheKey: state.conversationId,
  };
  const take = (event: ModelEvent): void => {
    if (attempt.cut) return;
    if (event.type === 'failed') failure = event.error;
    else if (event.type === 'itemDone') takeItem(state, turn, event.item);
    else takeEvent(state, turn, event);
  };
  await state.model.stream(request, take, attempt.controller.signal);
  if (attempt.cut) return null;
  turn.attempt = null;
  completePartialItems(state, turn);
  if (failure !== null) {
    abortCalls(state, turn);
    return toTurnError(failure);
  }
  if (await runCalls(state, turn)) turn.needsAnswer = true;
  return null;
}

function problemError(message: string): TurnError {
  return { message, codexErrorInfo: 'unauthorized', additionalDetails: null, misalignment: null };
}

function takeItem(state: SessionState, turn: ActiveTurn, item: ResponseItem): void {
  if (!isCall(item)) return completeItem(state, turn, item);
  const call = toSoundCall(item);
  completeItem(state, turn, call);
  turn.pendingCalls.push(call);
}

function takeEvent(state: SessionState, turn: ActiveTurn, event: ModelEvent): void {
  switch (event.type) {
    case 'textDelta':
      addText(state, turn, event.itemId, event.delta);
      break;
    case 'itemStarted':
      startItem(state, turn, event.item);
      break;
    case 'summaryPartAdded':
      addSummaryPart(state, turn, event.itemId, event.index);
      break;
    case 'summaryDelta':
      addReasoningText(state, turn, event.itemId, 'summary', event.index, event.delta);
      break;
    case 'reasoningDelta':
      addReasoningText(state, turn, event.itemId, 'content', event.index, event.delta);
      break;
    case 'retrying':
      completePartialItems(state, turn);
      abortCalls(state, turn);
      announceRetry(state, turn, event);
      break;
    case 'completed':
      if (event.usage !== null) countTokens(state, turn, event.responseId, event.usage);
      break;
    case 'itemDone':
    case 'failed':
    case 'aborted':
      break;
  }
}

function announceRetry(state: SessionState, turn: ActiveTurn, event: ModelEvent & { type: 'retrying' }): void {
  const error = {
    message: `Reconnecting... ${event.attempt}/${event.maxAttempts}`,
    codexErrorInfo: { responseStreamDisconnected: { httpStatusCode: event.error.httpStatus } },
    additionalDetails: event.error.message,
    misalignment: null,
  };
  pushNotification(state.outbox, 'error', {
    error,
    willRetry: true,
    threadId: state.conversationId,
    turnId: turn.id,
  });
}

function countTokens(state: SessionState, turn: ActiveTurn, responseId: string, usage: ModelUsage): void {
  const { tokens, recorder, outbox, conversationId } = state;
  tokens.add(usage, turn.id);
  turn.usage = addUsage(turn.usage, usage);
  if (recorder.mode === 'paginated') {
    recorder.write('token_usage_record', {
      thread_id: conversationId,
      turn_id: turn.id,
      session_id: conversationId,
      root_turn_id: turn.id,
      response_id: responseId,
      usage: toCore(usage),
      turn_token_usage: toCore(turn.usage),
      thread_token_usage: toCore(tokens.total),
    });
  }
  recorder.write('event_msg', tokens.toTokenCountPayload());
  pushNotification(outbox, 'thread/tokenUsage/updated', {
    threadId: conversationId,
    turnId: turn.id,
    tokenUsage: tokens.toTokenUsage(),
  });
  pushNotification(outbox, 'account/rateLimits/updated', RATE_LIMITS_UPDATED);
}

/** The error as clients and the rollout see it. docs/errors.md has the table. */
function toTurnError(error: ModelError): TurnError {
  return {
    message: error.message,
    codexErrorInfo: toErrorInfo(error),
    additionalDetails: null,
    misalignment: null,
  };
}

function toErrorInfo(error: ModelError): CodexErrorInfo {
  switch (error.kind) {
    case 'http':
      if (error.httpStatus === 400) return 'other';
      if (error.httpStatus === 429) return { responseTooManyFailedAttempts: { httpStatusCode: 429 } };
      if (error.httpStatus === 500) return 'internalServerError';
      return { httpConnectionFailed: { httpStatusCode: error.httpStatus } };
    case 'connection_failed':
      return { httpConnectionFailed: { httpStatusCode: null } };
    case 'context_window_exceeded':
      return 'contextWindowExceeded';
    case 'usage_limit_exceeded':
      return 'usageLimitExceeded';
    case 'rate_limit_exceeded':
      return 'rateLimitExceeded';
    case 'server_overloaded':
      return 'serverOverloaded';
    case 'stream_disconnected':
    case 'idle_timeout':
    case 'incomplete':
    case 'invalid_response':
      return 'other';
  }
}
