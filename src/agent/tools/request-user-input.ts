// The tool by which the model asks the user: its specification, its arguments, its run. Session worker.
import type { ServerRequestParams } from '../../protocol/server-requests.js';
import { digestCall } from '../call-digest.js';
import { ToolFailure } from './tool.js';
import type { Invocation, Tool } from './tool.js';

type UserQuestion = ServerRequestParams<'item/tool/requestUserInput'>['questions'][number];

const text = (description: string) => ({ type: 'string', description });

const DEFINITION = {
  type: 'function',
  name: 'request_user_input',
  description:
    'Ask the user one or more short questions and wait for the answers. Use it when the work cannot go on without a decision that is theirs.',
  strict: false,
  parameters: {
    type: 'object',
    properties: {
      questions: {
        type: 'array',
        description: 'What to ask; all questions are shown together.',
        items: {
          type: 'object',
          properties: {
            id: text('Names the question in the answers: a short word in snake_case, different for each.'),
            header: text('A title of one or two words.'),
            question: text('The question itself, in one sentence.'),
            options: {
              type: 'array',
              description:
                'Two or three answers to choose from, the best first. The user may always say something else.',
              items: {
                type: 'object',
                properties: {
                  label: text('The answer, in a few words.'),
                  description: text('What it would mean, in one sentence.'),
                },
                required: ['label', 'description'],
                additionalProperties: false,
              },
            },
          },
          required: ['id', 'header', 'question'],
          additionalProperties: false,
        },
      },
    },
    required: ['questions'],
    additionalProperties: false,
  },
} as const;

export const REQUEST_USER_INPUT: Tool = {
  name: 'request_user_input',
  isParallel: true,
  definition: DEFINITION,
  run: requestUserInput,
};

async function requestUserInput({ state, turn, callId, itemId, call }: Invocation): Promise<string> {
  const { conversationId, desk, settings } = state;
  const questions = readQuestions((call as { arguments?: unknown }).arguments);
  if (typeof questions === 'string') throw new ToolFailure(`nothing was asked: ${questions}`);
  const answer = await desk.ask(turn, {
    callId,
    method: 'item/tool/requestUserInput',
    params: {
      threadId: conversationId,
      turnId: turn.id,
      itemId,
      questions,
      isBlocking: true,
      autoResolutionMs: null,
    },
    digest: digestCall(call),
    timeoutMs: settings.approvalTimeoutMs,
  });
  switch (answer.type) {
    case 'answered':
      return JSON.stringify(answer.result);
    case 'refused':
      return `the user gave no answer: ${answer.message}`;
    case 'expired':
      return 'nobody answered in time: go on without an answer, or say what is needed';
    case 'cancelled':
      return 'aborted';
  }
}

/** What is wrong with the arguments, when they are no questions. */
export function readQuestions(args: unknown): UserQuestion[] | string {
  let value: unknown;
  try {
    value = JSON.parse(typeof args === 'string' ? args : '');
  } catch {
    return 'the arguments are not JSON';
  }
  const list = fieldOf(value, 'questions');
  if (!Array.isArray(list) || list.length === 0) return '`questions` must be a list with at least one question';
  const questions: UserQuestion[] = [];
  for (const [index, entry] of (list as unknown[]).entries()) {
    const question = readQuestion(entry);
    if (typeof question === 'string') return `questions[${index}]: ${question}`;
    if (questions.some(({ id }) => id === question.id))
      return `questions[${index}]: another one has the id ${question.id}`;
    questions.push(question);
  }
  return questions;
}

function readQuestion(entry: unknown): UserQuestion | string {
  const [id, header, question] = ['id', 'header', 'question'].map((field) => fieldOf(entry, field));
  if (!isFilled(id) || !isFilled(header) || !isFilled(question)) {
    return '`id`, `header` and `question` must be strings with something in them';
  }
  const given = fieldOf(entry, 'options') ?? null;
  if (given !== null && !Array.isArray(given)) return '`options` must be a list';
  const options = (given as unknown[] | null)?.map((option) => ({
    label: fieldOf(option, 'label'),
    description: fieldOf(option, 'description') ?? '',
  }));
  const isSound =
    options?.every(({ label, description }) => isFilled(label) && typeof description === 'string') ?? true;
  if (!isSound) return 'each of `options` must have a `label` and a `description`';
  const sound =
    options === undefined || options.length === 0 ? null : (options as { label: string; description: string }[]);
  return { id, header, question, isOther: true, isSecret: false, options: sound };
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
