// What a client makes of a conversation: a snapshot, then one notification after the other. Any thread.
import type { WireItem, WireTurn } from '../items.js';
import { itemText } from '../items.js';
import { shorten } from '../violation.js';

interface ViewedItem {
  turnId: string;
  type: string;
  text: string;
  isComplete: boolean;
}

interface Params {
  turnId: string;
  itemId: string;
  item: WireItem;
  delta: string;
  turn: { id: string; status: string };
}

/** Turns and items with their texts. What does not fit together is noted in `oddities`. */
export class ConversationView {
  readonly turns = new Map<string, string>();
  readonly items = new Map<string, ViewedItem>();
  readonly oddities: string[] = [];

  /** Forgets everything and begins with what a reply shows. */
  reset(turns: readonly WireTurn[]): void {
    this.turns.clear();
    this.items.clear();
    for (const { id, status, items } of turns) {
      this.turns.set(id, status);
      for (const item of items) this.#put(id, item, true);
    }
  }

  /** One notification; `isRepeated` for those that only tell a newcomer what went before. */
  apply(method: string, params: unknown, isRepeated = false): void {
    const { turnId, itemId, item, delta, turn } = params as Params;
    switch (method) {
      case 'turn/started':
        this.turns.set(turn.id, 'inProgress');
        return;
      case 'turn/completed':
        this.turns.set(turn.id, turn.status);
        return;
      case 'item/started':
        if (!isRepeated && this.items.has(item.id)) this.oddities.push(`item ${item.id} started twice`);
        this.#put(turnId, item, false);
        return;
      case 'item/agentMessage/delta':
        this.#append(itemId, delta);
        return;
      case 'item/completed':
        this.#complete(turnId, item);
    }
  }

  /** What `other` knows and this does not, or otherwise; empty when both know the same. */
  differencesFrom(other: ConversationView): string[] {
    const differences: string[] = [];
    for (const id of new Set([...this.turns.keys(), ...other.turns.keys()])) {
      const [mine, theirs] = [this.turns.get(id), other.turns.get(id)];
      if (mine !== theirs) differences.push(`turn ${id}: ${mine}, not ${theirs}`);
    }
    for (const id of new Set([...this.items.keys(), ...other.items.keys()])) {
      const [mine, theirs] = [describe(this.items.get(id)), describe(other.items.get(id))];
      if (mine !== theirs) differences.push(`item ${id}: ${shorten(mine)}, not ${shorten(theirs)}`);
    }
    return differences;
  }

  #put(turnId: string, item: WireItem, isComplete: boolean): void {
    this.items.set(item.id, { turnId, type: item.type, text: itemText(item), isComplete });
  }

  #append(itemId: string, delta: string): void {
    const item = this.items.get(itemId);
    if (item === undefined || item.isComplete) this.oddities.push(`a delta of item ${itemId}, which is not running`);
    else item.text += delta;
  }

  #complete(turnId: string, item: WireItem): void {
    const known = this.items.get(item.id);
    const text = itemText(item);
    if (known === undefined) this.oddities.push(`item ${item.id} completed without running`);
    else if (known.isComplete) this.oddities.push(`item ${item.id} completed twice`);
    else if (item.type === 'agentMessage' && known.text !== text) {
      const [whole, pieces] = [shorten(text), shorten(known.text)];
      this.oddities.push(`the text of item ${item.id} is ${whole}, but its pieces were ${pieces}`);
    }
    this.#put(turnId, item, true);
  }
}

function describe(item: ViewedItem | undefined): string {
  if (item === undefined) return 'no such item';
  const { turnId, type, text, isComplete } = item;
  return `${type} of turn ${turnId}${isComplete ? '' : ', running'}: ${text}`;
}
