// Compares the shape of a zod schema with a definition of the peer's JSON schema. Used by tests only.
import { z } from 'zod';

/** The parts of JSON schema that both sides use. */
interface SchemaNode {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, SchemaNode | true>;
  required?: string[];
  items?: SchemaNode | true;
  additionalProperties?: SchemaNode | boolean;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  allOf?: SchemaNode[];
}

/** A node with references followed and its alternatives side by side. */
interface Shape {
  /** Plain types and the values of enums: `null`, `string`, `"idle"`. */
  plain: Set<string>;
  /** Alternatives that are objects, by their tag: `type`, or the one key, or `an object`. */
  objects: Map<string, ObjectShape>;
  items: SchemaNode | null;
  /** What a map holds. */
  values: SchemaNode | null;
  /** Anything at all. */
  open: boolean;
}

interface ObjectShape {
  properties: Record<string, SchemaNode>;
  required: Set<string>;
}

const UNTAGGED = 'an object';

/** Whether the schema is of what clients send (both must agree) or of what the daemon sends (ours may promise more). */
export type Direction = 'incoming' | 'outgoing';

/**
 * One line for each disagreement, named after the nearest definition: `Thread: theirs has x`. Each definition is
 * compared once for each direction.
 */
export class ShapeComparer {
  readonly differences = new Set<string>();
  readonly #definitions: Record<string, SchemaNode>;
  readonly #done = new Set<string>();

  constructor(definitions: Record<string, object>) {
    this.#definitions = definitions;
  }

  compare(name: string, ours: z.ZodType, direction: Direction): void {
    const json = z.toJSONSchema(ours, { io: 'input', reused: 'inline', target: 'draft-07' }) as SchemaNode;
    this.#nodes(name, json, { $ref: `#/definitions/${name}` }, direction);
  }

  #nodes(label: string, ours: SchemaNode, theirs: SchemaNode, direction: Direction): void {
    const name = refOf(theirs) ?? label;
    const key = `${direction} ${name} ${JSON.stringify(ours)}`;
    if (this.#done.has(key)) return;
    this.#done.add(key);
    const mine = this.#shape(ours);
    const other = this.#shape(theirs);
    if (other.open) return;
    if (mine.open) return this.#report(name, 'ours takes anything');
    alignLoneObjects(mine, other);
    this.#sets(name, mine.plain, other.plain, direction);
    this.#sets(name, new Set(mine.objects.keys()), new Set(other.objects.keys()), direction);
    for (const [tag, object] of mine.objects) {
      const counterpart = other.objects.get(tag);
      if (counterpart !== undefined)
        this.#objects(tag === UNTAGGED ? name : `${name}<${tag}>`, object, counterpart, direction);
    }
    this.#parts(`${name}[]`, mine.items, other.items, direction);
    this.#parts(`${name}{}`, mine.values, other.values, direction);
  }

  #parts(label: string, ours: SchemaNode | null, theirs: SchemaNode | null, direction: Direction): void {
    if (ours !== null && theirs !== null) return this.#nodes(label, ours, theirs, direction);
    if (ours !== null || theirs !== null) this.#report(label, ours === null ? 'only in theirs' : 'only in ours');
  }

  #objects(label: string, ours: ObjectShape, theirs: ObjectShape, direction: Direction): void {
    for (const name of Object.keys(theirs.properties)) {
      if (!(name in ours.properties)) this.#report(label, `only theirs has ${name}`);
    }
    for (const [name, node] of Object.entries(ours.properties)) {
      const counterpart = theirs.properties[name];
      if (counterpart === undefined) {
        this.#report(label, `only ours has ${name}`);
        continue;
      }
      if (theirs.required.has(name) && !ours.required.has(name)) this.#report(label, `only theirs requires ${name}`);
      if (direction === 'incoming' && ours.required.has(name) && !theirs.required.has(name)) {
        this.#report(label, `only ours requires ${name}`);
      }
      this.#nodes(`${label}.${name}`, node, counterpart, direction);
    }
  }

  /** What the daemon sends may be narrower than what clients must be ready for; never wider. */
  #sets(label: string, ours: Set<string>, theirs: Set<string>, direction: Direction): void {
    const extra = [...ours].filter((value) => !theirs.has(value));
    const lacking = [...theirs].filter((value) => !ours.has(value) && (direction === 'incoming' || value !== 'null'));
    if (extra.length > 0) this.#report(label, `only ours allows ${extra.join(', ')}`);
    if (lacking.length > 0) this.#report(label, `only theirs allows ${lacking.join(', ')}`);
  }

  #report(label: string, difference: string): void {
    this.differences.add(`${label}: ${difference}`);
  }

  #shape(node: SchemaNode): Shape {
    const shape: Shape = { plain: new Set(), objects: new Map(), items: null, values: null, open: false };
    this.#gather(node, shape, { properties: {}, required: new Set() });
    return shape;
  }

  /** `base` holds what a union's frame adds to each of its alternatives. */
  #gather(node: SchemaNode, shape: Shape, base: ObjectShape): void {
    const target = refOf(node);
    if (target !== null) return this.#gather(this.#definitions[target]!, shape, base);
    const frame = merge(base, node);
    const alternatives = node.oneOf ?? node.anyOf ?? node.allOf;
    if (alternatives !== undefined) {
      for (const alternative of alternatives) this.#gather(alternative, shape, frame);
      return;
    }
    const values = node.const === undefined ? node.enum : [node.const];
    if (values !== undefined) {
      for (const value of values) shape.plain.add(JSON.stringify(value));
      return;
    }
    const types = typeof node.type === 'string' ? [node.type] : (node.type ?? []);
    if (types.length === 0) shape.open = true;
    for (const type of types) this.#gatherType(type, node, shape, frame);
  }

  #gatherType(type: string, node: SchemaNode, shape: Shape, frame: ObjectShape): void {
    if (type === 'array') {
      shape.items = asNode(node.items);
    } else if (type !== 'object') {
      shape.plain.add(type);
    } else if (Object.keys(frame.properties).length > 0) {
      const tag = tagOf(frame);
      const known = shape.objects.get(tag);
      shape.objects.set(tag, known === undefined ? frame : union(known, frame));
    } else {
      shape.values = asNode(node.additionalProperties);
    }
  }
}

function refOf(node: SchemaNode): string | null {
  return node.$ref?.replace('#/definitions/', '') ?? null;
}

/** `true` and nothing both mean anything. */
function asNode(node: SchemaNode | boolean | undefined): SchemaNode {
  return typeof node === 'object' ? node : {};
}

function merge(base: ObjectShape, node: SchemaNode): ObjectShape {
  const properties = Object.entries(node.properties ?? {}).map(([name, value]) => [name, asNode(value)] as const);
  return {
    properties: { ...base.properties, ...Object.fromEntries(properties) },
    required: new Set([...base.required, ...(node.required ?? [])]),
  };
}

/** Two alternatives with one tag: what only one of them needs is optional. */
function union(a: ObjectShape, b: ObjectShape): ObjectShape {
  return {
    properties: { ...a.properties, ...b.properties },
    required: new Set([...a.required].filter((name) => b.required.has(name))),
  };
}

/** Where each side has one object only, those two are meant, whatever their fields make their tags. */
function alignLoneObjects(ours: Shape, theirs: Shape): void {
  const [mine, ...more] = ours.objects.values();
  const [tag, ...others] = theirs.objects.keys();
  if (mine === undefined || tag === undefined || more.length + others.length > 0) return;
  ours.objects = new Map([[tag, mine]]);
}

function tagOf({ properties, required }: ObjectShape): string {
  const type = properties['type'];
  const value = type?.const ?? (type?.enum?.length === 1 ? type.enum[0] : undefined);
  if (typeof value === 'string') return value;
  const names = Object.keys(properties);
  return names.length === 1 && required.has(names[0]!) ? names[0]! : UNTAGGED;
}
