// The contract as JSON schema, made from the tables. Main thread and clients.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { listDefinitions } from './definitions.js';
import type { Definition } from './definitions.js';

/** The words of JSON schema (draft 2020-12) that the contract needs. Lengths, patterns and the like come beside them. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
}

/**
 * One schema for each name, sorted by name; they refer to each other by `#/definitions/NAME`. Throws when two messages
 * share a name, or when a shared schema reads otherwise than it writes: such a one needs two names.
 */
export function buildDefinitions(): Record<string, JsonSchema> {
  const definitions = listDefinitions();
  const registry = z.registry<{ id: string }>();
  for (const { name, schema } of definitions) {
    // A schema that has a name already gets a second one by a copy, which becomes a reference to the first.
    registry.add(registry.has(schema) ? schema.clone() : schema, { id: name });
  }
  const incoming = convert(registry, 'input');
  const outgoing = convert(registry, 'output');
  return Object.fromEntries(definitions.map((definition) => [definition.name, choose(definition, incoming, outgoing)]));
}

type Schemas = Readonly<Record<string, JsonSchema>>;

function choose({ name, direction }: Definition, incoming: Schemas, outgoing: Schemas): JsonSchema {
  const schema = direction === 'outgoing' ? outgoing[name] : incoming[name];
  if (schema === undefined) throw new Error(`no schema was made for ${name}`);
  if (direction === 'both' && !isDeepStrictEqual(schema, outgoing[name])) {
    throw new Error(`${name} is not the same when read and when written`);
  }
  return schema;
}

function convert(registry: z.core.$ZodRegistry<{ id: string }>, io: 'input' | 'output'): Schemas {
  const { schemas } = z.toJSONSchema(registry, { io, uri: (id) => `#/definitions/${id}`, override: tolerateMore });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema as JsonSchema]),
  );
}

/** Fields that one side does not know are ignored in either direction; written out, they would be refused in results. */
function tolerateMore({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  const { def } = zodSchema._zod;
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties;
}
