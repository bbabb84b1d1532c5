// Entry of the thread that runs commands without a conversation.
import { parentPort, workerData } from 'node:worker_threads';
import { StandaloneCommands } from '../src/agent/standalone/standalone-commands.js';
import type { CommandThreadData, CommandThreadNews, CommandThreadRequest } from '../src/session/command-messages.js';

const { home, credit } = workerData as CommandThreadData;
const post = (news: CommandThreadNews): void => parentPort!.postMessage(news);
const commands = new StandaloneCommands({ home, credit, env: process.env, post });
parentPort!.on('message', (request: CommandThreadRequest) => commands.take(request));
