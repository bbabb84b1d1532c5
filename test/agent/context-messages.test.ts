import { expect } from 'chai';
import { changedContextItems, initialContextItems } from '../../src/agent/context-messages.js';
import type { ContextFacts } from '../../src/agent/context-messages.js';
import type { ProjectInstructions } from '../../src/agent/context/project-instructions.js';
import type { ResponseItem } from '../../src/rollout/response-item.js';
import { isUserInput } from '../../src/rollout/user-message.js';
import type { SessionSettings } from '../../src/session/messages.js';

const SETTINGS = {
  cwd: '/p',
  workspaceRoots: ['/p'],
  approvalPolicy: 'on-request',
  sandboxPolicy: { type: 'readOnly' },
  developerInstructions: 'Be brief.',
} as unknown as SessionSettings;

function instructions(body: string | null): ProjectInstructions {
  return { body, folder: body === null ? null : '/p', sources: [], warnings: [] };
}

/** Role and the first line of each part. */
function outline(items: ResponseItem[]): unknown {
  expect(items.some(isUserInput)).to.equal(false);
  return items.map((item) => {
    const { role, content } = item as unknown as { role: string; content: { text: string }[] };
    return [role, ...content.map(({ text }) => text.split('\n')[0])];
  });
}

describe('initialContextItems', () => {
  it('says how to act, what is asked and where it is, none of it as words of the user', () => {
    expect(
      outline(initialContextItems(SETTINGS, 't1', { shell: 'bash', instructions: instructions('X') })),
    ).to.deep.equal([
      ['developer', '<permissions instructions>', 'Be brief.'],
      ['user', '# AGENTS.md instructions for /p'],
      ['user', '<environment_context>'],
    ]);
    expect(outline(initialContextItems(SETTINGS, 't1'))).to.deep.equal([
      ['developer', '<permissions instructions>', 'Be brief.'],
      ['user', '<environment_context>'],
    ]);
  });
});

describe('changedContextItems', () => {
  const changes = (settings: Partial<SessionSettings>, facts: Partial<ContextFacts>, had: string | null = 'X') => {
    const before = { settings: SETTINGS, facts: { shell: 'bash', instructions: instructions(had) } };
    return changedContextItems(
      before,
      { settings: { ...SETTINGS, ...settings }, facts: { ...before.facts, ...facts } },
      't2',
    );
  };

  it('says what changed and nothing else', () => {
    expect(outline(changes({}, {}))).to.deep.equal([]);
    expect(outline(changes({ model: 'other' }, {}))).to.deep.equal([]);
    expect(outline(changes({ approvalPolicy: 'never' }, {}))).to.deep.equal([
      ['developer', '<permissions instructions>'],
    ]);
    expect(outline(changes({ cwd: '/q', workspaceRoots: ['/q'] }, { instructions: instructions('Y') }))).to.deep.equal([
      ['user', '# AGENTS.md instructions for /p'],
      ['user', '<environment_context>'],
    ]);
    expect(outline(changes({ sandboxPolicy: { type: 'dangerFullAccess' } }, {}))).to.deep.equal([
      ['developer', '<permissions instructions>'],
      ['user', '<environment_context>'],
    ]);
  });

  it('takes back instructions that hold no more', () => {
    const textOf = (items: ResponseItem[]) =>
      items.map((item) => (item as unknown as { content: { text: string }[] }).content[0]!.text);
    expect(textOf(changes({}, { instructions: instructions(null) }))).to.deep.equal([
      '# AGENTS.md instructions\n\n<INSTRUCTIONS>\nFrom here on these hold, and none of the AGENTS.md instructions given before.\n\nThere are none.\n</INSTRUCTIONS>',
    ]);
    expect(textOf(changes({}, { instructions: instructions('Y') }, null))).to.deep.equal([
      '# AGENTS.md instructions for /p\n\n<INSTRUCTIONS>\nY\n</INSTRUCTIONS>',
    ]);
  });
});
