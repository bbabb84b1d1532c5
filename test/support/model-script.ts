// What the scripted model answers: a small command language in the last user text. Test process or its own.
//
//   TEXT                            "echo: TEXT" in two deltas; usage 100 in, 10 out
//   deltas N [SIZE [GAPMS]]         N numbered deltas of SIZE characters (16), GAPMS apart (0): see deltaText
//   hang                            one delta, "hanging", then nothing until the client leaves
//   stall                           not one byte of an answer until the client leaves
//   fail STATUS [CODE] [TIMES]      an HTTP error in the API's form
//   retry-after SECONDS [TIMES]     a 429 that asks to wait (once)
//   drop [TIMES]                    the connection breaks without an answer
//   cut [after N [deltas]] [TIMES]  the connection breaks after N deltas "partial " (1)
//   end-early [TIMES]               the stream ends in good order after a delta, but never says so
//   garbage [TIMES]                 a delta, then an event that is not JSON
//   respfail CODE [TIMES]           response.failed with that code
//   incomplete [REASON]             a delta, then response.incomplete (max_output_tokens)
//   reason ...                      reasoning: a summary of two parts and raw text, then a message
//   phases                          a message of phase commentary, then one of phase final_answer
//   call NAME [ARGUMENTS]           a function call; when its output comes: "tool said N chars: OUTPUT"
//   last-input                      "input items: N", counted in the request
//
// With TIMES a command fails that often for the same request of a conversation, then the text is echoed.
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';
import type { ModelReply } from './model-reply.js';

/** What the script looks at in a request. */
export interface ScriptedRequest {
  /** Counted from 1 per server. */
  number: number;
  /** Items as they were sent. */
  input: readonly Record<string, unknown>[];
  cacheKey: string;
}

/** How often each failing request was seen; one per server. */
export type Attempts = Map<string, number>;

const DEFAULT_DELTA_SIZE = 16;
const BLOCK_LENGTH = 32 * 1024;

/** The delta number `index` (from 0) of `deltas`: its number, padded to `size` characters, a space at the end. */
export function deltaText(index: number, size = DEFAULT_DELTA_SIZE): string {
  return `${String(index).padStart(size - 1, '0')} `.slice(-size);
}

/** The whole text of `deltas N SIZE`. */
export function deltasText(count: number, size = DEFAULT_DELTA_SIZE): string {
  return Array.from({ length: count }, (_, index) => deltaText(index, size)).join('');
}

/** Answers a request by the command language. Resolves when the reply is written or the client has gone. */
export async function answerByScript(request: ScriptedRequest, reply: ModelReply, attempts: Attempts): Promise<void> {
  const output = findPendingOutput(request.input);
  if (output !== null) {
    say(reply, [`tool said ${output.length} chars: `, output]);
    return;
  }
  const text = findLastUserText(request.input);
  for (const command of COMMANDS) {
    const match = command.pattern.exec(text);
    if (match === null) continue;
    const times = match.groups?.['times'] ?? command.defaultTimes;
    if (times !== undefined && !countAttempt(attempts, request, text, Number(times))) break;
    await command.answer({ words: match.groups ?? {}, reply, request });
    return;
  }
  say(reply, ['echo: ', text]);
}

interface CommandCall {
  words: Record<string, string | undefined>;
  reply: ModelReply;
  request: ScriptedRequest;
}

interface Command {
  pattern: RegExp;
  /** TIMES where none is given; without it the command never gives way. */
  defaultTimes?: number;
  answer(call: CommandCall): void | Promise<void>;
}

const COMMANDS: readonly Command[] = [
  {
    pattern: /^deltas (?<count>\d+)(?: (?<size>\d+)(?: (?<gap>\d+))?)?$/,
    answer: ({ words, reply }) =>
      streamDeltas(
        reply,
        Number(words['count']),
        Number(words['size'] ?? DEFAULT_DELTA_SIZE),
        Number(words['gap'] ?? 0),
      ),
  },
  {
    pattern: /^hang$/,
    answer: ({ reply }) => {
      open(reply, ['hanging']);
      return reply.closed;
    },
  },
  { pattern: /^stall$/, answer: ({ reply }) => reply.closed },
  {
    pattern: /^fail (?<status>\d{3})(?: (?<code>[a-z_]+))?(?: (?<times>\d+))?$/,
    answer: ({ words, reply }) => {
      reply.failWith(Number(words['status']), words['code'] ?? 'scripted', `scripted failure ${words['status']}`);
    },
  },
  {
    pattern: /^retry-after (?<seconds>\S+?)(?: (?<times>\d+))?$/,
    defaultTimes: 1,
    answer: ({ words, reply }) => {
      const headers = { 'retry-after': words['seconds']! };
      reply.failWith(429, 'rate_limit_exceeded', 'scripted rate limit', headers);
    },
  },
  { pattern: /^drop(?: (?<times>\d+))?$/, answer: ({ reply }) => reply.drop() },
  {
    pattern: /^cut(?: after (?<count>\d+)(?: deltas)?)?(?: (?<times>\d+))?$/,
    answer: ({ words, reply }) => {
      const count = Number(words['count'] ?? 1);
      if (count === 0) reply.create();
      else open(reply, Array<string>(count).fill('partial '));
      reply.cut();
    },
  },
  {
    pattern: /^end-early(?: (?<times>\d+))?$/,
    answer: ({ reply }) => {
      open(reply, ['partial ']);
      reply.end();
    },
  },
  {
    pattern: /^garbage(?: (?<times>\d+))?$/,
    answer: ({ reply }) => {
      open(reply, ['partial ']);
      reply.raw('event: response.output_text.delta\ndata: {"type":"response.output_te\n\n');
      reply.end();
    },
  },
  {
    pattern: /^respfail (?<code>\S+)(?: (?<times>\d+))?$/,
    answer: ({ words, reply }) => {
      reply.create();
      reply.failResponse(words['code']!, `scripted response.failed ${words['code']}`);
    },
  },
  {
    pattern: /^incomplete(?: (?<reason>\S+))?$/,
    answer: ({ words, reply }) => {
      open(reply, ['partial ']);
      reply.leaveIncomplete(words['reason'] ?? 'max_output_tokens');
    },
  },
  {
    pattern: /^reason\b/,
    answer: ({ reply }) => {
      reply.create();
      const summary = [
        ['**Thinking** about', ' it. ', 'Part one done.'],
        ['**Second** part', ' here.'],
      ];
      reply.reasoning(summary, ['raw thought A, ', 'raw thought B']);
      reply.message(['after ', 'reasoning']);
      reply.complete({ input: 100, output: 10, reasoning: 4 });
    },
  },
  {
    pattern: /^phases$/,
    answer: ({ reply }) => {
      reply.create();
      reply.message(['working on it'], 'commentary');
      reply.message(['final text'], 'final_answer');
      reply.complete();
    },
  },
  {
    pattern: /^call (?<name>\S+)(?: (?<args>[^]+))?$/,
    answer: ({ words, reply }) => {
      reply.create();
      reply.functionCall(words['name']!, words['args'] ?? '{}');
      reply.complete();
    },
  },
  {
    pattern: /^last-input$/,
    answer: ({ reply, request }) => say(reply, ['input items: ', String(request.input.length)]),
  },
];

/** Whether this attempt of the request is still one of its failing ones. */
function countAttempt(attempts: Attempts, request: ScriptedRequest, text: string, times: number): boolean {
  const key = JSON.stringify([request.cacheKey, request.input.length, text]);
  const seen = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, seen);
  return seen <= times;
}

function say(reply: ModelReply, deltas: readonly string[]): void {
  reply.create();
  reply.message(deltas);
  reply.complete();
}

/** A message that has begun and stays open. */
function open(reply: ModelReply, deltas: readonly string[]): void {
  reply.create();
  reply.startMessage();
  for (const text of deltas) reply.delta(text);
}

async function streamDeltas(reply: ModelReply, count: number, size: number, gapMs: number): Promise<void> {
  reply.create();
  const id = reply.startMessage();
  // The event around a delta is the same for all of them: digits and spaces need no escapes.
  const [before, after] = reply.formatDelta('|').split('|') as [string, string];
  let block = '';
  for (let index = 0; index < count && !reply.isClosed; index += 1) {
    block += before + deltaText(index, size) + after;
    if (gapMs === 0 && block.length < BLOCK_LENGTH) continue;
    await reply.write(block);
    block = '';
    await (gapMs === 0 ? nextTick() : delay(gapMs));
  }
  if (reply.isClosed) return;
  await reply.write(block);
  reply.endMessage(id, deltasText(count, size));
  reply.complete();
}

/** The text of the last message by a user: its last part that is text. */
export function findLastUserText(input: readonly Record<string, unknown>[]): string {
  for (const item of input.toReversed()) {
    if (item['role'] !== 'user') continue;
    if (typeof item['content'] === 'string') return item['content'];
    const parts = (item['content'] ?? []) as { type: string; text?: string }[];
    const text = parts.findLast((part) => part.type === 'input_text')?.text;
    // What a person has run is told to the model, but no word of theirs.
    if (text?.startsWith('<user_shell_command>') === true) continue;
    if (text !== undefined) return text.trim();
  }
  return '';
}

/** The output of a tool, when nothing but outputs came after it. */
function findPendingOutput(input: readonly Record<string, unknown>[]): string | null {
  const last = input.at(-1);
  if (last === undefined || !String(last['type']).endsWith('_call_output')) return null;
  const output = last['output'];
  return typeof output === 'string' ? output : JSON.stringify(output);
}
