// `rolloutd generate-json-schema`: the contract as one file of JSON schemas. Clients.
import { buildDefinitions } from '../protocol/json-schema.js';
import { GENERATED_FILES, MARKER, writeGenerated } from './write-generated.js';

/** Writes the schemas and prints the path of the file. Throws CliFailure when the folder is not for it. */
export function runGenerateJsonSchema(folder: string): void {
  const bundle = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: MARKER,
    title: 'rolloutd',
    definitions: buildDefinitions(),
  };
  const text = `${JSON.stringify(bundle, null, 2)}\n`;
  process.stdout.write(`${writeGenerated(folder, GENERATED_FILES.schemas, text)}\n`);
}
