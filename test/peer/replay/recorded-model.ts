// What the model of the recordings answered, where the scripted model of the other suites answers differently. Main thread.
//
//   shell COMMAND          a call of exec_command
//   seq COMMAND ;; ...     one call after the other
//   patch TEXT             a call of apply_patch
//   deltas N [SIZE [GAP]]  N deltas, GAP milliseconds apart: the time of the first one and their number
//   hang ...               one delta, "hanging", then nothing until the client leaves
//   reason ...             reasoning that costs nothing, then a message
//   json                   the answer to an output schema
//   websearch              a search of the provider, then a message
//
// Everything else is left to the scripted model.
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelReply } from '../../support/model-reply.js';
import type { ModelHandler, ModelServerRequest } from '../../support/model-server.js';
import type { Gate } from './gate.js';

/** For ModelServer.script: answers when `gate` lets it. */
export function answerAsRecorded(gate: Gate): ModelHandler {
  return async (request, reply) => {
    await Promise.race([gate.passed(), reply.closed]);
    return answer(request, reply);
  };
}

function answer(request: ModelServerRequest, reply: ModelReply): void | false | Promise<void> {
  const text = request.lastUserText;
  const outputs = countOutputs(request.input);
  const commands = /^(?:seq )?(?:shell|patch(?:stream)?) /.test(text)
    ? text
        .replace(/^seq /, '')
        .replace(/^patchstream/, 'patch')
        .split(' ;; ')
    : [];
  const command = commands[outputs]?.replace(/^shell /, '');
  if (command?.startsWith('patch ') === true) return callPatch(reply, command.slice('patch '.length));
  if (command !== undefined) return callCommand(reply, command);
  if (outputs > 0) return false;
  if (/^hang\b/.test(text)) return hang(reply);
  if (/^reason\b/.test(text)) return reason(reply);
  if (text === 'json') return say(reply, ['{"answer"', ':42}']);
  if (text === 'websearch') return searchTheWeb(reply);
  const deltas = /^deltas (\d+)(?: \d+(?: (\d+))?)?$/.exec(text);
  return deltas === null ? false : streamTimes(reply, Number(deltas[1]), Number(deltas[2] ?? 0));
}

/** Outputs of tools since the user spoke last. */
function countOutputs(input: readonly Record<string, unknown>[]): number {
  const said = input.findLastIndex((item) => item['role'] === 'user');
  return input.slice(said + 1).filter((item) => String(item['type']).endsWith('_call_output')).length;
}

function callCommand(reply: ModelReply, cmd: string): void {
  reply.create();
  reply.functionCall('exec_command', JSON.stringify({ cmd }));
  reply.complete();
}

function callPatch(reply: ModelReply, input: string): void {
  const call_id = `call_${reply.id.slice('resp_'.length)}`;
  reply.create();
  reply.item({
    type: 'custom_tool_call',
    id: `ctc_${reply.id}`,
    status: 'completed',
    call_id,
    name: 'apply_patch',
    input,
  });
  reply.complete();
}

function say(reply: ModelReply, deltas: readonly string[]): void {
  reply.create();
  reply.message(deltas);
  reply.complete();
}

function hang(reply: ModelReply): Promise<void> {
  reply.create();
  reply.startMessage();
  reply.delta('hanging');
  return reply.closed;
}

function reason(reply: ModelReply): void {
  reply.create();
  reply.reasoning(
    [['**Thinking** about it. ', 'Part one done.'], ['**Second** part here.']],
    ['raw thought A, raw thought B'],
  );
  reply.message(['after ', 'reasoning']);
  reply.complete();
}

function searchTheWeb(reply: ModelReply): void {
  const id = `ws_${reply.id}`;
  const call = { type: 'web_search_call', id };
  reply.create();
  reply.send({ type: 'response.output_item.added', output_index: 0, item: { ...call, status: 'in_progress' } });
  const action = { type: 'search', query: 'weather in bonn' };
  reply.send({ type: 'response.output_item.done', output_index: 0, item: { ...call, status: 'completed', action } });
  reply.message(['searched']);
  reply.complete();
}

async function streamTimes(reply: ModelReply, count: number, gapMs: number): Promise<void> {
  const start = Date.now();
  reply.create();
  const id = reply.startMessage();
  let text = '';
  for (let index = 0; index < count && !reply.isClosed; index += 1) {
    const piece = `${start}:${index} `;
    text += piece;
    reply.delta(piece);
    if (gapMs > 0) await delay(gapMs);
  }
  if (reply.isClosed) return;
  reply.endMessage(id, text);
  reply.complete();
}
