// Holds what clients were told against what is found after a kill. Any thread.
import type { FoundThread } from './found.js';
import type { ToldThread, ToldTurn } from './told.js';
import { describeTelling } from './told.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';

/**
 * Every fact is there, as told, once; nothing that was refused is. Text that a restart recovered from the side journal
 * is told by thread/read but only written with the next input: until then its turn has no end in the file.
 */
export function checkFacts(told: ToldThread, found: FoundThread): Violation[] {
  const violations: Violation[] = [];
  const report = (kind: Violation['kind'], what: string, told_: string, found_: string) =>
    violations.push({ kind, threadId: told.threadId, what: `${what} (${found.source})`, told: told_, found: found_ });
  for (const turn of told.turns.values()) checkTurn(turn, found, report);
  for (const item of told.items.values()) {
    const there = found.items.get(item.id);
    const toldText = `${item.type} ${shorten(item.text)} in turn ${item.turnId} (${describeTelling(item.told)})`;
    if (there === undefined) {
      const recovered = item.told.by !== 'item/completed' && found.turns.get(item.turnId) === 'open';
      if (!recovered) report('lost', `item ${item.id} is missing`, toldText, 'no such item');
    } else if (there.text !== item.text || there.turnId !== item.turnId || there.type !== item.type) {
      const foundText = `${there.type} ${shorten(there.text)} in turn ${there.turnId}`;
      report('lost', `item ${item.id} differs`, toldText, foundText);
    }
  }
  const inputs = groupTurnsByText(found);
  for (const input of told.inputs.values()) {
    const turnIds = inputs.get(input.text) ?? [];
    const toldText = `${input.outcome} in turn ${input.turnId}${input.told ? ` (${describeTelling(input.told)})` : ''}`;
    const what = `input ${shorten(input.text)}`;
    if (turnIds.length > 1) report('doubled', `${what} is there twice`, toldText, `in turns ${turnIds.join(', ')}`);
    if (input.outcome === 'accepted') {
      if (turnIds.length === 0) report('lost', `${what} is missing`, toldText, 'no such user message');
      else if (!turnIds.includes(input.turnId!)) {
        report('lost', `${what} is elsewhere`, toldText, `in turn ${turnIds.join(', ')}`);
      }
    } else if (input.outcome === 'refused' && turnIds.length > 0) {
      report('broken', `${what} was refused and yet recorded`, toldText, `in turn ${turnIds.join(', ')}`);
    }
  }
  for (const repeated of found.repeated) report('doubled', `${repeated} is there twice`, 'once', 'more than once');
  if (found.modelMessages !== null) checkModelMessages(told, found, found.modelMessages, report);
  return violations;
}

type Report = (kind: Violation['kind'], what: string, told: string, found: string) => void;

function checkTurn(turn: ToldTurn, found: FoundThread, report: Report): void {
  const state = found.turns.get(turn.id);
  if (state === undefined) {
    report('lost', `turn ${turn.id} is missing`, describeTelling(turn.told), 'no such turn');
    return;
  }
  const reads = state === 'open' ? 'interrupted' : state;
  if (state === 'inProgress') {
    report('broken', `turn ${turn.id} reads as running`, 'the daemon was killed', 'inProgress');
  } else if (turn.ended !== null && turn.ended.status !== reads) {
    const told = `${turn.ended.status} (${describeTelling(turn.ended.told)})`;
    report('lost', `the end of turn ${turn.id} differs`, told, state);
  } else if (turn.ended?.told.by === 'turn/completed' && state === 'open') {
    report('lost', `the end of turn ${turn.id} is not recorded`, describeTelling(turn.ended.told), state);
  } else if (turn.interrupted !== null && reads !== 'interrupted') {
    report('lost', `the interrupt of turn ${turn.id} is lost`, describeTelling(turn.interrupted), state);
  }
}

/** What a client was told must also be what the model is told at the next turn. */
function checkModelMessages(
  told: ToldThread,
  found: FoundThread,
  messages: NonNullable<FoundThread['modelMessages']>,
  report: Report,
): void {
  const counts = new Map<string, number>();
  for (const text of messages.users) counts.set(text, (counts.get(text) ?? 0) + 1);
  for (const { text } of found.userTexts) {
    const count = counts.get(text) ?? 0;
    if (count === 1) continue;
    const kind = count === 0 ? 'lost' : 'doubled';
    report(kind, `input ${shorten(text)} in the model's history`, 'once', `${count} times`);
  }
  for (const item of told.items.values()) {
    if (item.type !== 'agentMessage' || item.text === '' || !found.items.has(item.id)) continue;
    const text = messages.assistants.get(item.id);
    if (text !== item.text) {
      const there = text === undefined ? 'no such message' : shorten(text);
      report('lost', `item ${item.id} in the model's history`, shorten(item.text), there);
    }
  }
}

function groupTurnsByText(found: FoundThread): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { text, turnId } of found.userTexts) groups.set(text, [...(groups.get(text) ?? []), turnId]);
  return groups;
}

/** thread/read shows what the file holds and no more, but for recovered text of a turn that has no end in the file. */
export function checkAgreement(threadId: string, read: FoundThread, file: FoundThread): Violation[] {
  const violations: Violation[] = [];
  const differ = (what: string, inRead: string, inFile: string) =>
    violations.push({ kind: 'broken', threadId, what, told: `file: ${inFile}`, found: `thread/read: ${inRead}` });
  for (const id of new Set([...read.turns.keys(), ...file.turns.keys()])) {
    const inRead = read.turns.get(id) ?? 'missing';
    const inFile = file.turns.get(id) ?? 'missing';
    if (inRead !== (inFile === 'open' ? 'interrupted' : inFile))
      differ(`turn ${id}: read and file differ`, inRead, inFile);
  }
  for (const id of new Set([...read.items.keys(), ...file.items.keys()])) {
    const inRead = read.items.get(id);
    const inFile = file.items.get(id);
    if (inRead !== undefined && inFile === undefined && file.turns.get(inRead.turnId) === 'open') continue;
    if (inRead?.text === inFile?.text && inRead?.turnId === inFile?.turnId) continue;
    differ(`item ${id}: read and file differ`, shorten(inRead?.text ?? 'missing'), shorten(inFile?.text ?? 'missing'));
  }
  return violations;
}
