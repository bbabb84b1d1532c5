// Codex itself on a home, over its standard streams: another owner of conversations, with locks like ours. Main thread.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface PeerReply {
  id?: number;
  result?: { thread?: { id: string } };
  error?: { message: string };
}

export interface StdioPeer {
  pid: number;
  /** Starts a thread, which it then owns. Returns its id. */
  startThread(): Promise<string>;
  /** Null when it worked, else the message of the error; so do the others. */
  nameThread(id: string): Promise<string | null>;
  archiveThread(id: string): Promise<string | null>;
  unarchiveThread(id: string): Promise<string | null>;
  resumeThread(id: string): Promise<string | null>;
  end(): Promise<void>;
}

export async function startStdioPeer(binary: string, home: string): Promise<StdioPeer> {
  writeFileSync(join(home, 'config.toml'), CONFIG);
  const child = spawn(binary, ['app-server'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // It shall reach nothing outside.
    env: { PATH: process.env['PATH'], HOME: home, CODEX_HOME: home, HTTPS_PROXY: NOWHERE, HTTP_PROXY: NOWHERE },
  });
  const exited = once(child, 'exit');
  const waiting = new Map<number, (reply: PeerReply) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = JSON.parse(line) as PeerReply;
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  const request = (method: string, params: unknown): Promise<PeerReply> => {
    const id = waiting.size;
    child.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  const outcome = async (method: string, params: unknown): Promise<string | null> =>
    (await request(method, params)).error?.message ?? null;
  await request('initialize', { clientInfo: { name: 'test', title: null, version: '0' } });
  return {
    pid: child.pid!,
    startThread: async () => (await request('thread/start', { cwd: home })).result!.thread!.id,
    nameThread: (threadId) => outcome('thread/name/set', { threadId, name: 'named' }),
    archiveThread: (threadId) => outcome('thread/archive', { threadId }),
    unarchiveThread: (threadId) => outcome('thread/unarchive', { threadId }),
    resumeThread: (threadId) => outcome('thread/resume', { threadId }),
    end: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

const NOWHERE = 'http://127.0.0.1:9';
const CONFIG = `model = "gpt-5.5"
model_provider = "nobody"

[model_providers.nobody]
name = "nobody"
base_url = "${NOWHERE}/v1"
wire_api = "responses"
`;
