// The built-in model: answers without a network, and says how to configure a real one. Session worker.
import { setImmediate as nextTick } from 'node:timers/promises';
import { v7 as uuid } from 'uuid';
import { isResponseItem } from '../../rollout/response-item.js';
import type { ResponseItem } from '../../rollout/response-item.js';
import type { ModelClient, ModelEvent, ModelRequest, ModelUsage } from './model.js';

const MAX_ECHO_LENGTH = 200;
/** About what a real model streams at once. */
const DELTA_LENGTH = 48;

const SET_UP = `
To talk to a real model, name a provider in \`config.toml\` of the daemon's home (\`~/.rolloutd/config.toml\`, unless it was started with \`--home\`):

\`\`\`toml
model = "gpt-5"
model_provider = "openai-api"

[model_providers.openai-api]
name = "OpenAI"
base_url = "https://api.openai.com/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
\`\`\`

\`base_url\` may be any server that speaks the Responses API, a local one included. \`env_key\` names the environment variable that holds the key; leave it out if the server asks for none. Put the variable into the file \`.env\` beside \`config.toml\`, or into the daemon's own environment. New conversations use it at once.`;

/** Never throws; nothing needs to be closed, but a closed one answers no more. */
export function createOfflineModel(): ModelClient {
  let closed = false;

  async function answer(
    request: ModelRequest,
    emit: (event: ModelEvent) => void,
    signal: AbortSignal,
  ): Promise<ModelEvent> {
    const text = composeAnswer(request.input);
    const id = `msg_${uuid()}`;
    const isOver = (): boolean => signal.aborted || closed;
    if (isOver()) return { type: 'aborted' };
    emit({ type: 'itemStarted', item: { id, kind: 'message', phase: null } });
    for (const delta of splitText(text)) {
      // Whoever else lives in this worker gets its turn, and an abort its chance.
      await nextTick();
      if (isOver()) return { type: 'aborted' };
      emit({ type: 'textDelta', itemId: id, delta });
    }
    if (isOver()) return { type: 'aborted' };
    const content = [{ type: 'output_text' as const, text, annotations: [] }];
    emit({ type: 'itemDone', item: { type: 'message', id, status: 'completed', role: 'assistant', content } });
    if (isOver()) return { type: 'aborted' };
    return { type: 'completed', responseId: `offline_${uuid()}`, usage: estimateUsage(request, text) };
  }

  return {
    async stream(request, emit, signal) {
      emit(await answer(request, emit, signal));
    },
    close() {
      closed = true;
    },
  };
}

function composeAnswer(input: readonly ResponseItem[]): string {
  const asked = findLastUserText(input).trim().replace(/\s+/g, ' ');
  const echo = asked.length <= MAX_ECHO_LENGTH ? asked : `${asked.slice(0, MAX_ECHO_LENGTH)}…`;
  const received = echo === '' ? 'Your message arrived.' : `Your message arrived: “${echo.toWellFormed()}”.`;
  return `I am the offline model: no provider is configured, so nothing here can think. ${received} Everything else is real: this conversation is recorded and can be resumed.\n${SET_UP}`;
}

function findLastUserText(input: readonly ResponseItem[]): string {
  for (const item of input.toReversed()) {
    if (!isResponseItem(item, 'message') || item.role !== 'user') continue;
    const texts = item.content.flatMap((part) => (part.type === 'input_text' ? [part.text] : []));
    if (texts.length > 0) return texts.join(' ');
  }
  return '';
}

/** Pieces that end after a space where possible, and never in the middle of a surrogate pair. */
function splitText(text: string): string[] {
  return text.match(new RegExp(`[^]{1,${DELTA_LENGTH}}(?:\\s|$)|[^]{1,${DELTA_LENGTH}}`, 'gu')) ?? [];
}

/** Four characters a token: no truth, but of the right size. */
function estimateUsage(request: ModelRequest, answer: string): ModelUsage {
  const inputLength = (request.instructions?.length ?? 0) + request.input.reduce((sum, item) => sum + measure(item), 0);
  const inputTokens = Math.ceil(inputLength / 4);
  const outputTokens = Math.ceil(answer.length / 4);
  return {
    inputTokens,
    cachedInputTokens: 0,
    outputTokens,
    reasoningOutputTokens: 0,
    totalTokens: inputTokens + outputTokens,
  };
}

function measure(item: ResponseItem): number {
  if (isResponseItem(item, 'message')) {
    return item.content.reduce((sum, part) => sum + ('text' in part ? part.text.length : 0), 0);
  }
  if (isResponseItem(item, 'function_call_output')) return typeof item.output === 'string' ? item.output.length : 0;
  return 0;
}
