// What the model answers while fixtures are made: a list of replies for each prompt of a run. Test process.
import type { ModelReply } from '../support/model-reply.js';
import type { ModelHandler } from '../support/model-server.js';

/** Writes one whole reply; `callId(N)` names the N-th call of the reply so that no other reply has the same. */
export type ScriptedReply = (
  reply: ModelReply,
  callId: (index: number) => string,
  input: ModelInput,
) => void | Promise<void>;

export type ModelInput = readonly Record<string, unknown>[];

/**
 * By prompt: the replies to the requests that end with it, or with an output after it, in turn. The last one repeats. The
 * empty prompt is a message without words.
 */
export type Script = Readonly<Record<string, readonly ScriptedReply[]>>;

/** Prompts of runs are short: a longer one is Codex's own, and asks for a summary. */
const LONGEST_PROMPT = 100;

/** A prompt that is in no script is left to the command language of the model server. */
export function answerFrom(script: Script): ModelHandler {
  const asked = new Map<string, number>();
  return async ({ input, lastUserText }, reply) => {
    const prompt = findPrompt(input, script) ?? lastUserText;
    const replies = script[prompt];
    if (replies === undefined) {
      if (prompt.startsWith('<')) await say('noted')(reply, String, input);
      else if (prompt.length > LONGEST_PROMPT) await say('A summary in a few words.')(reply, String, input);
      else return false;
      return undefined;
    }
    const count = asked.get(prompt) ?? 0;
    asked.set(prompt, count + 1);
    await replies[Math.min(count, replies.length - 1)]!(reply, (index) => `call_${reply.id}_${index}`, input);
    return undefined;
  };
}

/** A summary is asked for after everything else: what comes last is what counts. */
function findPrompt(input: ModelInput, script: Script): string | undefined {
  const said = input.findLast(({ role, type }) => role === 'user' && type === 'message');
  const parts = Array.isArray(said?.['content']) ? (said['content'] as { text?: string }[]) : [];
  const words = parts.map(({ text }) => text?.trim() ?? '').filter((text) => text !== '');
  return words.length === 0 ? '' : words.findLast((text) => text in script);
}

export function say(text: string, usage = { input: 100, output: 10 }): ScriptedReply {
  return (reply) => {
    reply.create();
    reply.message([text]);
    reply.complete(usage);
  };
}

/** One delta, then nothing until Codex leaves. */
export const hang: ScriptedReply = async (reply) => {
  reply.create();
  reply.startMessage();
  reply.delta('hanging');
  await reply.closed;
};

export const refuse: ScriptedReply = (reply) => reply.failWith(400, 'scripted', 'scripted failure');

/** Reasoning with a summary and raw text, then an answer. */
export const reason: ScriptedReply = (reply) => {
  reply.create();
  reply.reasoning([['**Thinking** about it.'], ['**Second** part.']], ['raw thought']);
  reply.message(['after reasoning']);
  reply.complete({ input: 100, output: 10, reasoning: 4 });
};

type Call = (callId: string) => Record<string, unknown>;

/** One reply that makes all these calls. */
export function call(...calls: Call[]): ScriptedReply {
  return (reply, callId) => {
    reply.create();
    for (const [index, make] of calls.entries()) reply.item(make(callId(index)));
    reply.complete();
  };
}

export function tool(name: string, input: unknown, namespace?: string): Call {
  return (callId) => ({
    type: 'function_call',
    id: `fc_${callId}`,
    call_id: callId,
    status: 'completed',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    arguments: JSON.stringify(input),
  });
}

/** A tool whose input is plain text. */
export function textTool(name: string, input: string): Call {
  return (callId) => ({
    type: 'custom_tool_call',
    id: `ctc_${callId}`,
    call_id: callId,
    status: 'completed',
    name,
    input,
  });
}

export function webSearch(query: string): Call {
  return (callId) => ({
    type: 'web_search_call',
    id: `ws_${callId}`,
    status: 'completed',
    action: { type: 'search', query },
  });
}

export function shellCall(command: string[]): Call {
  return (callId) => ({
    type: 'local_shell_call',
    id: `lsh_${callId}`,
    call_id: callId,
    status: 'completed',
    action: { type: 'exec', command, timeout_ms: 5000, working_directory: null, env: null, user: null },
  });
}

/** An image that the model made by itself. */
export function picture(base64: string): Call {
  return (callId) => ({
    type: 'image_generation_call',
    id: `ig_${callId}`,
    status: 'completed',
    revised_prompt: 'a dot',
    result: base64,
  });
}
