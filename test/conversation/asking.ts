// A model that asks the user, and what clients and files say of it. Main thread.
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import type { DaemonRig } from '../support/daemon-rig.js';
import { readLines } from '../support/daemon-rig.js';

export const ASK = 'item/tool/requestUserInput';
export const RESOLVED = 'serverRequest/resolved';

/** A question of one word, with two options. */
function questionOf(id: string) {
  return {
    id,
    header: 'Color',
    question: 'Which color?',
    options: [
      { label: 'Blue', description: 'b' },
      { label: 'Red', description: 'r' },
    ],
  };
}

export function answerOf(id: string, text: string) {
  return { answers: { [id]: { answers: [text] } } };
}

/** What a user says to a model that answers by askingScript(): it asks so many things at once. */
export function askFor(count: number): string {
  return `ask ${count}`;
}

/**
 * From now on the model answers `ask N` by N calls at once, each with one question, whose ids are `q0`, `q1`…; when it is
 * given the outputs, it says them.
 */
export function scriptAsking({ model }: Pick<DaemonRig, 'model'>): void {
  model.script(({ lastUserText, input }, reply) => {
    const count = Number(/^ask (\d+)$/.exec(lastUserText)?.[1] ?? 0);
    const isAnswered = String(input.at(-1)?.['type']).endsWith('_output');
    if (count === 0 || isAnswered) return false;
    reply.create();
    for (let index = 0; index < count; index += 1) {
      const args = JSON.stringify({ questions: [questionOf(`q${index}`)] });
      reply.functionCall('request_user_input', args, `call_${reply.id}_${index}`);
    }
    reply.complete();
    return undefined;
  });
}

/** Resolves to the questions of the conversation once so many have come to the client. */
export async function questions(client: CheckedClient, threadId: string, count: number): Promise<WireMessage[]> {
  while (client.questionsOf(threadId).length < count)
    await client.next(({ id, method }) => id !== undefined && method !== undefined);
  return client.questionsOf(threadId);
}

/** Our own lines of a conversation's rollout: what was asked, and what became of it. */
export function approvalLines(rig: DaemonRig, threadId: string): Record<string, any>[] {
  return approvalLinesOf(rig.rolloutFiles().find((name) => name.includes(threadId))!);
}

export function approvalLinesOf(file: string): Record<string, any>[] {
  return readLines(file)
    .map(({ payload }) => payload)
    .filter(({ type }) => String(type).startsWith('approval_'));
}

export interface Asked {
  turnId: string;
  /** Resolves to the turn as turn/completed carries it. */
  done: Promise<any>;
  /** Of the questions, in order. */
  ids: number[];
}

/** Starts a turn and resolves when it waits for so many answers. */
export async function startAsking(client: CheckedClient, threadId: string, count = 1): Promise<Asked> {
  const before = client.questionsOf(threadId).length;
  const { turnId, done } = await client.startTurn(threadId, askFor(count));
  const asked = await questions(client, threadId, before + count);
  return { turnId, done, ids: asked.slice(before).map(({ id }) => id as number) };
}

export function giveAnswer(by: CheckedClient, id: number, text = 'Blue', question = 'q0'): void {
  by.answer(id, { result: answerOf(question, text) });
}

/** Resolves when the client has heard that the question is closed. */
export function closing(by: CheckedClient, id: number): Promise<WireMessage> {
  return by.notification(RESOLVED, ({ requestId }) => requestId === id);
}

/** The code of the first warning that the client gets. */
export async function warningOf(client: CheckedClient): Promise<unknown> {
  return (await client.notification('warning')).params!['code'];
}

/** The outputs of its calls in the last request to the model. */
export function outputsTold(rig: DaemonRig): unknown[] {
  return rig.model.requests
    .at(-1)!
    .input.filter(({ type }) => type === 'function_call_output')
    .map(({ output }) => output);
}

/** The rollout's lines of questions, in short: `asked`, or what became of one and by whom. */
export function outcomesOf(rig: DaemonRig, threadId: string): unknown[] {
  return approvalLines(rig, threadId).map(({ type, outcome, by }) =>
    type === 'approval_requested' ? 'asked' : [outcome, by],
  );
}
