// command/exec and its company, thread/shellCommand, thread/backgroundTerminals: commands that people run and end. Main thread.
import { DaemonError } from '../../errors.js';
import type { Handler } from '../dispatch.js';
import { askSession } from './ask-session.js';
import type { HandlerContext } from './handler-context.js';
import { pageLimit } from './page-limits.js';
import { checkedThreadId } from './turn-handlers.js';

const SHELL_TIMEOUT_MS = 3_600_000;

export function commandExecHandler({ registry, commands }: HandlerContext): Handler<'command/exec'> {
  return (params, respond) => {
    registry.refuseWhenStopping();
    commands.exec(params, respond);
  };
}

export function commandExecWriteHandler({ commands }: HandlerContext): Handler<'command/exec/write'> {
  return (params, respond) => {
    commands.write(respond.connection, params);
    respond.result({});
  };
}

export function commandExecResizeHandler({ commands }: HandlerContext): Handler<'command/exec/resize'> {
  return (params, respond) => {
    commands.resize(respond.connection, params);
    respond.result({});
  };
}

export function commandExecTerminateHandler({ commands }: HandlerContext): Handler<'command/exec/terminate'> {
  return (params, respond) => {
    commands.terminate(respond.connection, params);
    respond.result({});
  };
}

export function threadShellCommandHandler({ registry }: HandlerContext): Handler<'thread/shellCommand'> {
  return (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const { command } = params;
    if (command.trim() === '') throw new DaemonError('empty_input', 'command must not be empty');
    registry.refuseWhenStopping();
    const timeoutMs = params.timeoutMs ?? SHELL_TIMEOUT_MS;
    return askSession(registry, threadId, { type: 'runShellCommand', command, timeoutMs }, respond);
  };
}

export function backgroundTerminalsListHandler({
  registry,
}: HandlerContext): Handler<'thread/backgroundTerminals/list'> {
  return ({ threadId, cursor = null, limit }, respond) => {
    const request = { type: 'listTerminals', cursor, limit: pageLimit(limit) } as const;
    return askSession(registry, checkedThreadId(threadId), request, respond);
  };
}

export function backgroundTerminalsTerminateHandler({
  registry,
}: HandlerContext): Handler<'thread/backgroundTerminals/terminate'> {
  return ({ threadId, processId }, respond) =>
    askSession(registry, checkedThreadId(threadId), { type: 'endTerminal', processId }, respond);
}

export function backgroundTerminalsCleanHandler({
  registry,
}: HandlerContext): Handler<'thread/backgroundTerminals/clean'> {
  return ({ threadId }, respond) => askSession(registry, checkedThreadId(threadId), { type: 'endTerminals' }, respond);
}
