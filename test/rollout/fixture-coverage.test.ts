// Holds the recorded rollouts against the parser: whatever it knows, some version of Codex wrote it in one of them.
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'chai';
import { KNOWN_TYPES, parseLine } from '../../src/rollout/parse-line.js';
import { readRecordedFiles } from '../support/rollout-set.js';

const VERSIONS = ['0.34.0', '0.45.0', '0.63.0', '0.72.0', '0.98.0', '0.120.0', '0.140.0', '0.169.0'];

/** What no run of these versions could be made to write. */
const NEVER_WRITTEN: Readonly<Record<string, string>> = {
  exec_command_begin: 'only the ends of commands were kept',
  patch_apply_begin: 'only the ends of patches were kept',
  mcp_tool_call_begin: 'only the ends of calls were kept',
  ImageGeneration: 'needs an image service that only an account has; 0.120 tells of it in image_generation_end',
  FunctionCallOutput: 'no tool is known whose output becomes an item of its own',
  approval_requested: 'ours alone',
  approval_resolved: 'ours alone',
  Sleep: 'no model was offered the tool for it',
};

const FOLDER = resolve('test/fixtures/rollouts');
const files = readRecordedFiles(FOLDER);

interface Found {
  lines: Set<string>;
  events: Set<string>;
  items: Set<string>;
}

function findTypes(): Found {
  const found: Found = { lines: new Set(), events: new Set(), items: new Set() };
  for (const { name, bytes } of files) {
    for (const text of bytes.toString().split('\n')) {
      if (text === '') continue;
      const line = parseLine(JSON.parse(text));
      expect(line, `${name}: ${text.slice(0, 200)}`).not.to.equal('malformed');
      if (typeof line === 'string') continue;
      found.lines.add(line.type);
      if (line.type !== 'event_msg') continue;
      found.events.add(line.payload.type);
      if (line.payload.type === 'item_completed') found.items.add(line.payload.item.type);
    }
  }
  return found;
}

describe('the recorded rollouts', () => {
  const found = findTypes();

  for (const kind of ['lines', 'events', 'items'] as const) {
    it(`hold all ${kind} that the parser knows, but those that nobody could be made to write`, () => {
      const missing = KNOWN_TYPES[kind].filter((type) => !found[kind].has(type) && !(type in NEVER_WRITTEN));
      expect(missing).to.deep.equal([]);
      expect(Object.keys(NEVER_WRITTEN).filter((type) => found[kind].has(type))).to.deep.equal([]);
    });
  }

  it('are all in the index', () => {
    const names = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl') && name !== 'session_index.jsonl');
    expect(files.map(({ name }) => `${name}.jsonl`)).to.have.members(names);
  });

  it('come from all versions', () => {
    expect([...new Set(files.map(({ cli_version }) => cli_version))]).to.have.members(VERSIONS);
  });

  it('hold forks and reverts whose sources are there', () => {
    const names = new Set(files.map(({ name }) => `${name}.jsonl`));
    const bases = files.flatMap(({ base }) => base ?? []);
    expect(bases.length).to.be.greaterThan(0);
    for (const { source_file, end_byte_offset, end_ordinal_exclusive } of bases) {
      expect(names.has(source_file), source_file).to.equal(true);
      const source = files.find(({ name }) => `${name}.jsonl` === source_file)!;
      const before = source.bytes.subarray(0, end_byte_offset).toString();
      expect(before.endsWith('\n'), source_file).to.equal(true);
      const last = JSON.parse(before.trimEnd().split('\n').at(-1)!) as { ordinal: number };
      expect(last.ordinal, source_file).to.equal(end_ordinal_exclusive - 1);
    }
  });
});
