// Files that are not as they should be, and what is whole in them. Any thread.
import type { RolloutLine } from '../../src/rollout/line.js';
import { completeLine, metaLine, startedLine, turnLines } from '../support/rollout-lines.js';

const META = metaLine('id');
const ONE = turnLines('one', 'q1', 'a1');
const TWO = turnLines('two', 'q2', 'a2');

/** Lines as a file has them, each with its newline; ordinals count on from `first`. */
export function ordinalLines(lines: readonly RolloutLine[], first = 0): string {
  return lines
    .map(({ timestamp, ...rest }, index) => `${JSON.stringify({ timestamp, ordinal: first + index, ...rest })}\n`)
    .join('');
}

export function plainLines(lines: readonly RolloutLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** The turns of a file that holds both, by their words. */
export const BOTH_TURNS = ['one: q1, a1', 'two: q2, a2'];

export interface OddFile {
  what: string;
  text: string | Buffer;
  /** Why lines were set aside; none when it is not given. */
  setAside?: string[];
  /** Both when it is not given. */
  turns?: string[];
  /** 15 when it is not given. */
  nextOrdinal?: number;
}

const HEAD = ordinalLines([META, ...ONE]);
const TAIL = ordinalLines(TWO, 8);
const [FIRST_OF_TAIL] = TAIL.split(/(?<=\n)/);

/** Their conversation has the id `id`. */
export const ODD_FILES: readonly OddFile[] = [
  { what: 'a torn tail', text: `${HEAD}${TAIL}{"timestamp":"2026-11-20T10`, setAside: ['torn'] },
  { what: 'a whole last line without its newline', text: `${HEAD}${TAIL}`.trimEnd() },
  { what: 'garbage within', text: `${HEAD}garbage\n{"half":\n${TAIL}`, setAside: ['not_json', 'not_json'] },
  { what: 'garbage before the metadata', text: `garbage\n${HEAD}${TAIL}`, setAside: ['not_json'] },
  { what: 'another line before the metadata', text: `${ordinalLines([startedLine('one')])}${HEAD}${TAIL}` },
  {
    what: 'metadata that comes last',
    text: `${ordinalLines([...ONE, ...TWO])}${ordinalLines([META], 14)}`,
    nextOrdinal: 15,
  },
  { what: 'repeated ordinals', text: `${HEAD}${ordinalLines(TWO, 3)}`, nextOrdinal: 10 },
  { what: 'ordinals that fall', text: `${ordinalLines([META, ...ONE], 40)}${ordinalLines(TWO, 2)}`, nextOrdinal: 48 },
  { what: 'ordinals that leave a gap', text: `${HEAD}${ordinalLines(TWO, 90)}`, nextOrdinal: 97 },
  { what: 'no ordinals', text: plainLines([META, ...ONE, ...TWO]), nextOrdinal: 0 },
  { what: 'a block of zeros', text: `${HEAD}${'\0'.repeat(5000)}\n${TAIL}`, setAside: ['nul'] },
  { what: 'a block of zeros before a record', text: `${HEAD}${'\0'.repeat(5000)}${TAIL}` },
  {
    what: 'a record with a newline within',
    text: `${HEAD}${FIRST_OF_TAIL!.replace('"payload"', '"pay\nload"')}${TAIL}`,
    setAside: ['not_json', 'not_json'],
  },
  { what: 'blank lines', text: `${HEAD}\n \n\t\n${TAIL}`, setAside: ['empty', 'empty', 'empty'] },
  { what: 'CRLF', text: `${HEAD}${TAIL}`.replaceAll('\n', '\r\n') },
  { what: 'bare CR between fields', text: `${HEAD}${TAIL}`.replaceAll(',"type"', ',\r"type"') },
  {
    what: 'JSON that is no record',
    text: `${HEAD}null\n7\n[]\n"text"\n{}\n{"type":"event_msg"}\n{"type":"event_msg","payload":{"type":"user_message"}}\n${TAIL}`,
    setAside: Array.from({ length: 7 }, () => 'malformed'),
  },
  {
    what: 'types of line, event, item and response of a newer writer',
    text: `${HEAD}${[
      { timestamp: 't', ordinal: 8, type: 'hologram', payload: {} },
      { timestamp: 't', ordinal: 9, type: 'event_msg', payload: { type: 'hologram' } },
      {
        timestamp: 't',
        ordinal: 10,
        type: 'event_msg',
        payload: { type: 'item_completed', turn_id: 'one', item: { type: 'Hologram', id: 'h' } },
      },
      { timestamp: 't', ordinal: 11, type: 'response_item', payload: { type: 'hologram' } },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('')}${ordinalLines(TWO, 12)}`,
    nextOrdinal: 19,
  },
  {
    what: 'metadata that comes twice',
    text: `${HEAD}${ordinalLines([metaLine('other')], 8)}${ordinalLines(TWO, 9)}`,
    nextOrdinal: 16,
  },
  {
    what: 'a turn that starts twice',
    text: `${HEAD}${ordinalLines([startedLine('one')], 8)}${ordinalLines(TWO, 9)}`,
    nextOrdinal: 16,
  },
  {
    what: 'an end of a turn that never began',
    text: `${HEAD}${ordinalLines([completeLine('three')], 8)}${ordinalLines(TWO, 9)}`,
    turns: ['one: q1, a1', 'three: ', 'two: q2, a2'],
    nextOrdinal: 16,
  },
];
