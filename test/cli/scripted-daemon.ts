// A daemon that says what a test wants, behind the real door, so that every moment of a turn can be held still. Main thread.
import { expect } from 'chai';
import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { WebSocket } from 'ws';
import { startListener } from '../../src/server/listener.js';
import type { Listener } from '../../src/server/listener.js';
import { runCli, startCli } from './cli-process.js';
import type { CliOptions } from './cli-process.js';

const TOKEN = 'the-token-of-this-home';
export const THREAD = '01a206ee-bd6f-7dc3-8570-8420e64dacfd';
export const TURN = '01a206ee-bd7a-77b0-bae3-be0ff0dd0a4d';

interface Request {
  id?: number;
  method: string;
  params?: Record<string, unknown>;
}

export function notification(method: string, params: object) {
  return { method, params: { threadId: THREAD, turnId: TURN, ...params }, emittedAtMs: 1 };
}

export function delta(text: string, change: object = {}) {
  return notification('item/agentMessage/delta', { itemId: 'm', delta: text, ...change });
}

export function completed(status: string, change: object = {}) {
  return notification('turn/completed', { turn: { id: TURN, status, error: null, ...change } });
}

/** One for each test of the describe() that calls this. */
export function useScriptedDaemon() {
  let listener: Listener;
  let socket: WebSocket;
  let requests: Request[];
  /** What the daemon does with a request, by method; without an entry nothing. */
  const script: Record<string, (request: Request) => void> = {};

  const send = (...frames: object[]) => {
    for (const frame of frames) socket.send(JSON.stringify(frame));
  };

  beforeEach(async () => {
    requests = [];
    for (const method of Object.keys(script)) delete script[method];
    Object.assign(script, {
      initialize: ({ id }: Request) =>
        send({ id, result: { userAgent: 'x', codexHome: '/', platformFamily: 'unix', platformOs: 'linux' } }),
      'thread/start': ({ id }: Request) => send({ id, result: { thread: { id: THREAD } } }),
      'thread/resume': ({ id }: Request) => send({ id, result: { thread: { id: THREAD } } }),
      'turn/start': ({ id }: Request) =>
        send({ id, result: { turn: { id: TURN } } }, delta('Hel'), delta('lo'), completed('completed')),
    } satisfies typeof script);
    listener = await startListener({
      listen: 'ws://127.0.0.1:0',
      authMode: 'token',
      token: TOKEN,
      allowedOrigins: [],
      allowedHosts: [],
      isReady: () => true,
      onConnection: (webSocket) => {
        socket = webSocket;
        socket.on('message', (data: Buffer) => {
          const request = JSON.parse(data.toString()) as Request;
          requests.push(request);
          script[request.method]?.(request);
        });
      },
      log: { debug: () => undefined, warn: () => undefined },
    });
  });

  afterEach(() => listener.close());

  const options = (change: CliOptions = {}): CliOptions => ({
    env: { ROLLOUTD_TOKEN: TOKEN },
    cwd: realpathSync(tmpdir()),
    ...change,
  });
  const ask = (args: string[], change: CliOptions = {}) =>
    runCli(['ask', '--url', listener.url, ...args], options(change));
  const start = (...args: string[]) => startCli(['ask', '--url', listener.url, ...args], options());
  const sent = (method: string) => requests.filter((request) => request.method === method).map(({ params }) => params);
  /** Without the id that each of them has of its own. */
  const turnStarts = () =>
    sent('turn/start').map((params) => {
      const { clientUserMessageId, ...rest } = params!;
      expect(clientUserMessageId).to.match(/^[0-9a-f-]{36}$/);
      return rest;
    });
  const footer = () =>
    `conversation ${THREAD}\ncontinue with: rolloutd ask --url ${listener.url} --thread ${THREAD} "…"\n`;

  return {
    script,
    requests: () => requests,
    send,
    closeSocket: (code: number, reason: string) => socket.close(code, reason),
    ask,
    start,
    sent,
    turnStarts,
    footer,
  };
}
