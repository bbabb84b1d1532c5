// `rolloutd generate-ts`: the contract as TypeScript types. Clients.
import { buildDefinitions } from '../protocol/json-schema.js';
import { printTypeScript } from './print-type-script.js';
import { GENERATED_FILES, MARKER, writeGenerated } from './write-generated.js';

/** Writes the types and prints the path of the file. Throws CliFailure when the folder is not for it. */
export function runGenerateTs(folder: string): void {
  const text = `// ${MARKER}\n\n${printTypeScript(buildDefinitions())}`;
  process.stdout.write(`${writeGenerated(folder, GENERATED_FILES.types, text)}\n`);
}
