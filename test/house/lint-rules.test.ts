// Shows that the linter's rules bite: bad files are written into a copy of the layout and linted with the real settings.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT } from './import-graph.js';
import { roomOverrides } from './lint-overrides.js';
import type { LintOverride } from './lint-overrides.js';
import { isFile, LIBRARY_HOMES, ROOMS } from './rooms.js';

interface LintReport {
  diagnostics: { code: string; filename: string }[];
}

/** Writes the files, lints them all with the project's settings and returns `rule file` for each complaint, sorted. */
function lint(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'rolloutd-lint-'));
  try {
    for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) {
      cpSync(path.join(ROOT, name), path.join(folder, name));
    }
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return runLinter(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runLinter(folder: string): string[] {
  const linter = path.join(ROOT, 'node_modules/oxlint/bin/oxlint');
  let output: string;
  try {
    output = execFileSync(process.execPath, [linter, '--type-aware', '--format', 'json'], {
      cwd: folder,
      encoding: 'utf8',
    });
  } catch (error) {
    // Exit code 1 says that there are complaints; they are on stdout all the same.
    output = String((error as { stdout: unknown }).stdout);
  }
  const { diagnostics } = JSON.parse(output) as LintReport;
  return diagnostics.map(({ code, filename }) => `${code} ${filename}`).sort();
}

/** A path inside a room, deep enough to need a climb. */
function placeIn(room: string): { file: string; climb: string } {
  return room === 'workers'
    ? { file: 'workers/probe', climb: '../src' }
    : { file: `src/${room}/inner/probe`, climb: '../..' };
}

describe('.oxlintrc.json', () => {
  it('holds the restrictions that follow from the table of rooms', () => {
    const settings = JSON.parse(readFileSync(path.join(ROOT, '.oxlintrc.json'), 'utf8')) as {
      overrides: LintOverride[];
    };
    expect(settings.overrides.filter(({ rules }) => 'no-restricted-imports' in rules)).to.deep.equal(roomOverrides());
  });

  it('refuses an import between two rooms exactly when the table does', () => {
    const files: Record<string, string> = {};
    const expected: string[] = [];
    // Files that lie directly in src/ import `./room/…`: few, and held by the walk over the built files.
    for (const room of Object.keys(ROOMS).filter((name) => !isFile(name))) {
      for (const other of Object.keys(ROOMS).filter((name) => name !== room && name !== 'workers')) {
        const { file, climb } = placeIn(room);
        const target = isFile(other) ? `${climb}/${other}.js` : `${climb}/${other}/deep/thing.js`;
        const reach = ROOMS[room]?.may[other];
        const asValue = `${file}-${other}-value.ts`;
        const asType = `${file}-${other}-type.ts`;
        files[asValue] = `import { thing } from '${target}';\nthing.use();\n`;
        files[asType] = `import type { Thing } from '${target}';\nexport type Same = Thing;\n`;
        if (reach !== 'values') expected.push(`eslint(no-restricted-imports) ${asValue}`);
        if (reach === undefined) expected.push(`eslint(no-restricted-imports) ${asType}`);
        if (typeof reach === 'object') {
          for (const module of reach) {
            files[`${file}-${other}-${module}.ts`] =
              `import { thing } from '${climb}/${other}/${module}.js';\nthing.use();\n`;
          }
        }
      }
    }
    expect(lint(files).filter((line) => line.includes('no-restricted-imports'))).to.deep.equal(expected.sort());
  });

  it('refuses a library outside its home, and only there', () => {
    const files: Record<string, string> = {};
    const expected: string[] = [];
    for (const [name, homes] of Object.entries(LIBRARY_HOMES)) {
      const text = `import * as library from '${name}';\nlibrary.use();\n`;
      for (const home of homes) files[home.endsWith('/') ? `${home}${name}.ts` : home] = text;
      const stray = `src/web/${name}.ts`;
      files[stray] = text;
      expected.push(`eslint(no-restricted-imports) ${stray}`);
    }
    expect(lint(files).filter((line) => line.includes('no-restricted-imports'))).to.deep.equal(expected.sort());
  });

  it('refuses what the house forbids, and not its proper form', () => {
    const files: Record<string, string> = {};
    const expected: string[] = [];
    const forbid = (file: string, rule: string, text: string): void => {
      files[file] = text;
      expected.push(`${rule} ${file}`);
    };
    const allow = (file: string, text: string): void => {
      files[file] = text;
    };
    const wait = 'export async function wait(): Promise<void> {\n  await Promise.resolve();\n}\n';
    forbid(
      'src/agent/floats.ts',
      'typescript(no-floating-promises)',
      `${wait}export function start(): void {\n  wait();\n}\n`,
    );
    allow('src/agent/awaits.ts', `${wait}export async function start(): Promise<void> {\n  await wait();\n}\n`);
    forbid(
      'src/agent/misuses.ts',
      'typescript(no-misused-promises)',
      `${wait}export const use = (): string => (wait() ? 'a' : 'b');\n`,
    );
    const kind = "export type Kind = 'a' | 'b';\nexport function run(kind: Kind): number {\n";
    forbid(
      'src/agent/forgets.ts',
      'typescript(switch-exhaustiveness-check)',
      `${kind}  switch (kind) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}\n`,
    );
    forbid(
      'src/agent/throws.ts',
      'typescript(only-throw-error)',
      "export function fail(): never {\n  throw 'text';\n}\n",
    );
    forbid(
      'src/agent/anything.ts',
      'typescript(no-explicit-any)',
      'export const thing = (value: any): unknown => [value];\n',
    );
    forbid('src/agent/prints.ts', 'eslint(no-console)', "console.log('text');\n");
    allow('src/cli/prints.ts', "console.log('text');\n");
    forbid('src/agent/exits.ts', 'unicorn(no-process-exit)', 'process.exit(1);\n');
    forbid('src/agent/defaults.ts', 'import(no-default-export)', 'export default 1;\n');
    allow('workers/entry.ts', 'export default 1;\n');
    forbid('src/agent/barrel.ts', 'oxc(no-barrel-file)', "export * from './prints.js';\n");
    forbid('src/agent/empty.ts', 'eslint(no-empty)', 'try {\n  JSON.parse(process.argv[2] ?? "");\n} catch {}\n');
    allow('src/agent/reason.ts', 'try {\n  JSON.parse(process.argv[2] ?? "");\n} catch {\n  // Not JSON.\n}\n');
    forbid('src/agent/BadName.ts', 'unicorn(filename-case)', 'export const one = 1;\n');
    forbid(
      'src/agent/cycle-a.ts',
      'import(no-cycle)',
      "import { b } from './cycle-b.js';\nexport const a = (): unknown => b;\n",
    );
    forbid(
      'src/agent/cycle-b.ts',
      'import(no-cycle)',
      "import { a } from './cycle-a.js';\nexport const b = (): unknown => a;\n",
    );
    forbid('src/agent/long.ts', 'eslint(max-lines)', `export const one = 1;\n${'// More.\n'.repeat(400)}`);
    expect(lint(files)).to.deep.equal(expected.sort());
  });
});
