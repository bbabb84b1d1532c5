// Rollouts that tests cut anywhere: of each form, with everything that can be half written at the end. Main thread.
import { readFileSync } from 'node:fs';
import type { CoreItem, RolloutLine } from '../../src/rollout/line.js';
import type { ResponseItem } from '../../src/rollout/response-item.js';
import { createdAtOf, idOf } from '../support/rollout-home.js';
import {
  assistantLine,
  completeLine,
  eventLine,
  metaLine,
  responseLine,
  rolloutText,
  startedLine,
  turnContextLine,
  turnLines,
} from '../support/rollout-lines.js';
import { baseAt, ordinalText, writeSegment } from '../support/rollout-segments.js';

/** The conversation that forks go on from; more than anybody cuts. */
const SOURCE = 50_000;
/** Two bytes, three and four: a cut may leave a part of a character. */
export const WORDS = 'é\u2028😀';

export const SAMPLES = ['paginated', 'legacy', 'fork'] as const;
export type Sample = (typeof SAMPLES)[number];

/** The source of the fork; returns its path. */
export function writeSource(home: string): string {
  return writeSegment(home, { number: SOURCE, lines: turnLines('turn 0', 'question 0', 'answer 0') });
}

/** Conversation `number` in this form, whole. Forks need the source. */
export function sampleText(sample: Sample, number: number, source: string): string {
  const id = idOf(number);
  const timestamp = createdAtOf(number).toISOString();
  switch (sample) {
    case 'paginated':
      return rolloutText([metaLine(id, { timestamp }), ...paginatedLines(id)]);
    case 'legacy':
      return [metaLine(id, { timestamp, history_mode: 'legacy' }), ...LEGACY_LINES]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join('');
    case 'fork': {
      const base = baseAt(source);
      const meta = metaLine(id, { timestamp, forked_from_id: idOf(SOURCE), history_base: base });
      // The rest of such a file is like any other.
      return ordinalText([meta, ...paginatedLines(id).slice(-4)], base.end_ordinal_exclusive);
    }
  }
}

/** Lines of files, the last one also without its newline where it is whole. */
export function wholeLines(...texts: string[]): RolloutLine[] {
  return texts.flatMap((text) =>
    text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as RolloutLine];
      } catch {
        // Torn, or what follows the last newline.
        return [];
      }
    }),
  );
}

export function sourceText(source: string): string {
  return readFileSync(source, 'utf8');
}

const CALL: ResponseItem = { type: 'function_call', call_id: 'call 1', name: 'shell', arguments: '{"command":["ls"]}' };
const OUTPUT: ResponseItem = { type: 'function_call_output', call_id: 'call 1', output: `${WORDS}\n` };
const OPEN_CALL: ResponseItem = { type: 'function_call', call_id: 'call 2', name: 'shell', arguments: '{}' };

/** For the model, with its writer's word that a person said it. */
function userLine(text: string): RolloutLine {
  const notes = { content_item_kinds: ['user.text'] };
  const content = [{ type: 'input_text', text }];
  return responseLine({ type: 'message', role: 'user', content, internal_chat_message_metadata_passthrough: notes });
}

/** A turn with everything, one that was steered and interrupted, one that never ended and left a call open. */
function paginatedLines(id: string): RolloutLine[] {
  const item = (turnId: string, core: CoreItem): RolloutLine =>
    eventLine({ type: 'item_completed', thread_id: id, turn_id: turnId, item: core });
  const user = (turnId: string, name: string): RolloutLine[] => [
    userLine(`${name} ${WORDS}`),
    item(turnId, {
      type: 'UserMessage',
      id: `user ${name}`,
      client_id: name,
      content: [{ type: 'text', text: `${name} ${WORDS}`, text_elements: [] }],
    }),
  ];
  const agent = (turnId: string, name: string): RolloutLine[] => [
    item(turnId, { type: 'AgentMessage', id: `agent ${name}`, content: [{ type: 'Text', text: name }] }),
    assistantLine(name),
  ];
  const status = 'completed';
  return [
    startedLine('turn 1'),
    turnContextLine({ turn_id: 'turn 1' }),
    ...user('turn 1', 'one'),
    item('turn 1', { type: 'Reasoning', id: 'reasoning', summary_text: [WORDS] }),
    responseLine({ type: 'reasoning', summary: [{ type: 'summary_text', text: WORDS }], encrypted_content: 'sealed' }),
    responseLine(CALL),
    item('turn 1', { type: 'DynamicToolCall', id: 'call 1', tool: 'shell', arguments: {}, status }),
    responseLine(OUTPUT),
    ...agent('turn 1', 'first'),
    completeLine('turn 1'),
    startedLine('turn 2'),
    ...user('turn 2', 'two'),
    ...user('turn 2', 'and this'),
    eventLine({ type: 'turn_aborted', turn_id: 'turn 2', reason: 'interrupted' }),
    startedLine('turn 3'),
    ...user('turn 3', 'three'),
    responseLine(OPEN_CALL),
  ];
}

function legacyUser(name: string): RolloutLine[] {
  const message = `${name} ${WORDS}`;
  return [userLine(message), eventLine({ type: 'user_message', client_id: name, message, text_elements: [] })];
}

const LEGACY_LINES: readonly RolloutLine[] = [
  startedLine('turn 1'),
  ...legacyUser('one'),
  eventLine({ type: 'agent_reasoning', text: WORDS }),
  responseLine(CALL),
  responseLine(OUTPUT),
  eventLine({ type: 'agent_message', message: 'first' }),
  assistantLine('first'),
  completeLine('turn 1'),
  startedLine('turn 2'),
  ...legacyUser('two'),
  responseLine(OPEN_CALL),
];
