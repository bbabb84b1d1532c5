// A server of tools for Codex to start, as small as can be: one tool, one answer. Test process.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Codex starts it in the workspace. */
export const SHELF_SETTINGS = `[mcp_servers.shelf]
command = "node"
args = ["shelf.mjs"]
`;

const PROGRAM = `import { createInterface } from 'node:readline';
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'shelf', version: '1' },
  }),
  'tools/list': () => ({
    tools: [{ name: 'fetch', description: 'Fetches.', inputSchema: { type: 'object', properties: {} } }],
  }),
  'tools/call': () => ({ content: [{ type: 'text', text: 'a book' }] }),
};
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const answer = answers[method];
  const outcome = answer ? { result: answer(params) } : { error: { code: -32601, message: 'unknown method' } };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }) + '\\n');
});
`;

export function writeShelf(workspace: string): void {
  writeFileSync(join(workspace, 'shelf.mjs'), PROGRAM);
}
