// write_stdin: goes on with a command that exec_command left running. Session worker.
import { pushNotification } from '../frame.js';
import { describeResult } from '../exec/describe-result.js';
import { readArguments } from './arguments.js';
import { clampYield } from './exec-command.js';
import { ToolFailure } from './tool.js';
import type { Tool } from './tool.js';

/** One that only looks is patient. */
const LOOK_YIELD_MS = 5_000;
const WRITE_YIELD_MS = 250;

export const WRITE_STDIN: Tool = {
  name: 'write_stdin',
  isParallel: true,
  definition: {
    type: 'function',
    name: 'write_stdin',
    description:
      'Writes to a command that still runs, or only waits for it, and gives what it wrote since the last time.',
    strict: false,
    parameters: {
      type: 'object',
      properties: {
        session_id: { type: 'number', description: 'Of the running command.' },
        chars: { type: 'string', description: 'What to write; empty only waits.' },
        yield_time_ms: { type: 'number', description: 'Milliseconds to wait for its end.' },
        max_output_tokens: {
          type: 'number',
          description: 'More output than this is cut in the middle; 10000 by default.',
        },
      },
      required: ['session_id'],
      additionalProperties: false,
    },
  },
  run: async ({ state, turn, input, signal }) => {
    const args = readArguments(
      input,
      { session_id: 'number' },
      { chars: 'string', yield_time_ms: 'number', max_output_tokens: 'number' },
    );
    const { session_id, chars = '', yield_time_ms, max_output_tokens } = args;
    const item = [...state.commands].find(({ processId }) => processId === String(session_id));
    if (chars !== '' && item !== undefined) {
      pushNotification(state.outbox, 'item/commandExecution/terminalInteraction', {
        threadId: state.conversationId,
        turnId: turn.id,
        itemId: item.id,
        processId: String(session_id),
        stdin: chars,
      });
    }
    const yieldMs = clampYield(yield_time_ms ?? (chars === '' ? LOOK_YIELD_MS : WRITE_YIELD_MS));
    try {
      return describeResult(await state.tools.runner.writeStdin(session_id, chars, yieldMs, signal), max_output_tokens);
    } catch (error) {
      throw new ToolFailure(error instanceof Error ? error.message : String(error));
    }
  },
};
