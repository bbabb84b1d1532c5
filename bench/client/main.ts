// The client of the bench: drives conversations as fast as they go and measures what reaches it. A process of its own.
import { deltaText } from '../../test/support/model-script.js';
import { sharedClockMs } from '../statistics.js';
import type { ClientAnswer, ClientCommand, ClientResult } from './commands.js';
import { RawConnection } from './raw-connection.js';

interface Thread {
  id: string;
  connection: RawConnection;
  onDelta: (bytes: Buffer) => void;
  onTurnEnd: () => void;
}

const DELTA = Buffer.from('{"method":"item/agentMessage/delta"');
const TURN_END = Buffer.from('{"method":"turn/completed"');
const DELTA_FIELD = '"delta":"';
const NOTHING: ClientResult = { elapsedMs: 0, latencies: [], deltas: 0 };

let connections: RawConnection[] = [];
let threads: Thread[] = [];
const threadsById = new Map<string, Thread>();

async function handle(command: ClientCommand): Promise<ClientResult> {
  switch (command.type) {
    case 'open':
      connections = await Promise.all(
        Array.from({ length: command.connections }, () => RawConnection.open(command.target)),
      );
      for (const connection of connections) connection.onNotification = dispatch;
      return NOTHING;
    case 'startThreads':
      return startThreads(command.count, command.cwd);
    case 'turns':
      return runTurns(command.perThread);
    case 'deltas':
      return streamDeltas(command.count, command.size);
    case 'latency':
      return measureLatency(command.count, command.gapMs);
    case 'close':
      for (const connection of connections) connection.close();
      return NOTHING;
  }
}

function dispatch(bytes: Buffer): void {
  if (startsWith(bytes, DELTA)) threadOf(bytes)?.onDelta(bytes);
  else if (startsWith(bytes, TURN_END)) threadOf(bytes)?.onTurnEnd();
}

async function startThreads(count: number, cwd: string): Promise<ClientResult> {
  const startedAt = performance.now();
  threads = [];
  for (let index = 0; index < count; index += 1) {
    const connection = connections[index % connections.length]!;
    const { thread } = await connection.request('thread/start', { cwd });
    const { id } = thread as { id: string };
    const started = { id, connection, onDelta: () => {}, onTurnEnd: () => {} };
    threads.push(started);
    threadsById.set(id, started);
  }
  return { ...NOTHING, elapsedMs: performance.now() - startedAt };
}

async function runTurns(perThread: number): Promise<ClientResult> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    threads.map(async (thread) => {
      for (let turn = 0; turn < perThread; turn += 1) {
        const sentAt = performance.now();
        await takeTurn(thread, 'a short question');
        latencies.push(performance.now() - sentAt);
      }
    }),
  );
  return { elapsedMs: performance.now() - startedAt, latencies, deltas: 0 };
}

/** Rejects when a delta is missing, repeated or out of order. */
async function streamDeltas(count: number, size: number): Promise<ClientResult> {
  let deltas = 0;
  const startedAt = performance.now();
  await Promise.all(
    threads.map(async (thread) => {
      let next = 0;
      thread.onDelta = (bytes) => {
        const expected = deltaText(next, size);
        const at = deltaOffset(bytes);
        if (bytes.toString('latin1', at, at + size) !== expected)
          throw new Error(`not delta ${next}: ${bytes.toString()}`);
        next += 1;
      };
      await takeTurn(thread, `deltas ${count} ${size}`);
      if (next !== count) throw new Error(`${next} deltas of ${count}`);
      deltas += next;
    }),
  );
  return { elapsedMs: performance.now() - startedAt, latencies: [], deltas };
}

async function measureLatency(count: number, gapMs: number): Promise<ClientResult> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    threads.map((thread) => {
      thread.onDelta = (bytes) => {
        const now = sharedClockMs();
        const at = deltaOffset(bytes);
        latencies.push(now - Number(bytes.toString('latin1', at, bytes.indexOf(' ', at))));
      };
      return takeTurn(thread, `timed ${count} ${gapMs}`);
    }),
  );
  if (latencies.length !== count * threads.length) throw new Error(`${latencies.length} deltas`);
  return { elapsedMs: performance.now() - startedAt, latencies, deltas: latencies.length };
}

async function takeTurn(thread: Thread, text: string): Promise<void> {
  const ended = new Promise<void>((resolve) => (thread.onTurnEnd = resolve));
  await thread.connection.request('turn/start', {
    threadId: thread.id,
    input: [{ type: 'text', text, text_elements: [] }],
  });
  await ended;
}

function startsWith(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.length > prefix.length && bytes.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}

function threadOf(bytes: Buffer): Thread | undefined {
  const at = bytes.indexOf('"threadId":"') + 12;
  return threadsById.get(bytes.toString('latin1', at, at + 36));
}

function deltaOffset(bytes: Buffer): number {
  return bytes.indexOf(DELTA_FIELD) + DELTA_FIELD.length;
}

function answer(message: ClientAnswer): void {
  process.send!(message);
}

process.on('message', (command: ClientCommand) => {
  handle(command).then(
    (result) => answer({ ok: true, result }),
    (error: unknown) => answer({ ok: false, error: String(error) }),
  );
});
process.once('disconnect', () => process.exit());
