// Prints JSON schemas as TypeScript types. Clients.
import type { JsonSchema } from '../protocol/json-schema.js';

const LINE = 120;
const SHORT_OBJECT = 80;
const REF = '#/definitions/';

/**
 * One exported type for each definition, in their order, that needs no import. Bounds of numbers, lengths and patterns
 * have no place in types and are left out. Throws for words of JSON schema that it does not know.
 */
export function printTypeScript(definitions: Readonly<Record<string, JsonSchema>>): string {
  return Object.entries(definitions)
    .map(([name, schema]) => printDefinition(name, schema))
    .join('\n');
}

function printDefinition(name: string, schema: JsonSchema): string {
  const members = membersOf(schema, '  ');
  const line = `export type ${name} = ${members.join(' | ')};`;
  if (members.length === 1 || fits(line, LINE)) return `${line}\n`;
  return [`export type ${name} =`, ...membersOf(schema, '      ').map((member) => `\n  | ${member}`), ';\n'].join('');
}

/** The alternatives of a schema, each as a type; a single one when it is no union. `indent` is that of inner lines. */
function membersOf(schema: JsonSchema, indent: string): string[] {
  checkWords(schema);
  if (schema.$ref !== undefined) return [nameIn(schema.$ref)];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value));
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms !== undefined) return [...new Set(forms.flatMap((form) => membersOf(form, indent)))];
  if (schema.type === undefined) return ['unknown'];
  return [schema.type].flat().map((type) => printType(type, schema, indent));
}

function printType(type: string, schema: JsonSchema, indent: string): string {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return printArray(schema.items ?? {}, indent);
    case 'object':
      return printObject(schema, indent);
    default:
      throw new Error(`no TypeScript for the JSON type ${type}`);
  }
}

function printArray(items: JsonSchema, indent: string): string {
  const members = membersOf(items, indent);
  return members.length === 1 ? `${members[0]}[]` : `(${members.join(' | ')})[]`;
}

function printObject({ properties = {}, required = [], additionalProperties }: JsonSchema, indent: string): string {
  const print = (schema: JsonSchema) => membersOf(schema, `${indent}  `).join(' | ');
  const fields = Object.entries(properties).map(
    ([key, schema]) => `${printKey(key)}${required.includes(key) ? '' : '?'}: ${print(schema)};`,
  );
  if (typeof additionalProperties === 'object') fields.push(`[key: string]: ${print(additionalProperties)};`);
  if (fields.length === 0) return 'Record<string, never>';
  const line = `{ ${fields.join(' ').slice(0, -1)} }`;
  if (fields.length <= 3 && fits(line, SHORT_OBJECT)) return line;
  return `{\n${fields.map((field) => `${indent}${field}\n`).join('')}${indent.slice(2)}}`;
}

function printKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}

function nameIn(ref: string): string {
  if (!ref.startsWith(REF)) throw new Error(`no definition is meant by ${ref}`);
  return ref.slice(REF.length);
}

function fits(text: string, width: number): boolean {
  return text.length <= width && !text.includes('\n');
}

const WORDS = ['$ref', 'type', 'const', 'enum', 'anyOf', 'oneOf', 'items', 'properties', 'required'];
const MAP_WORDS = ['additionalProperties', 'propertyNames'];
const BOUNDS = ['minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'format'];
const KNOWN_WORDS: ReadonlySet<string> = new Set([...WORDS, ...MAP_WORDS, ...BOUNDS]);

/** A word that was passed over in silence might make the type wrong. */
function checkWords(schema: JsonSchema): void {
  const unknown = Object.keys(schema).find((word) => !KNOWN_WORDS.has(word));
  if (unknown !== undefined) throw new Error(`no TypeScript for the JSON schema word ${unknown}`);
}
