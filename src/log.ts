// The daemon's log, and the only user of winston. Main thread.
import { constants, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, format, transports } from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';
import { ensurePrivateFolder } from './auth/private-file.js';
import { createRedactor } from './log-redaction.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Anything JSON can hold, and errors. `time`, `level` and `message` are the log's own names. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line a call, in order. No method throws. */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** Ask before building costly fields. */
  isLevelEnabled(level: LogLevel): boolean;
  /** A log that adds these fields to each line; shares everything else, secrets and close included. */
  child(fields: LogFields): Log;
  /** From now on this value never reaches a line, of the children neither. Fewer than 4 characters are left alone. */
  addSecret(value: string): void;
  /** Resolves when every line is in its file. Later lines are dropped. May be called again. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Folder of the files, made as 0700; null writes none. */
  dir: string | null;
  level: LogLevel;
  /** One readable line each on stderr. */
  console: boolean;
  /** Milliseconds after a failed write (a full disk, say) until files are tried again. */
  retryAfterMs?: number;
  /** A file that has grown past this is followed by a new one; 5 files stay. 10 MiB unless said otherwise. */
  maxFileBytes?: number;
}

const RANKS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const MAX_FILES = 5;
const FILE_NAME = /^rolloutd-\d{4}-\d\d-\d\d(?:\.\d+)?\.log$/;
/** Where winston's transports look for the finished text. */
const MESSAGE = Symbol.for('message');

interface Line {
  level: LogLevel;
  message: string;
  json: string;
  text: string;
}

function pick(key: 'json' | 'text') {
  return format((info) => {
    info[MESSAGE] = (info as unknown as Line)[key];
    return info;
  })();
}

/** Full paths, oldest first. */
function listFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => FILE_NAME.test(name))
    .map((name) => ({ path: join(dir, name), time: statSync(join(dir, name)).mtimeMs }))
    .sort((a, b) => a.time - b.time)
    .map(({ path }) => path);
}

interface LogFile {
  transport: DailyRotateFile;
  /** Settles when the last file of this transport is written and closed. */
  closed: Promise<void>;
}

function openLogFile(dir: string, maxFileBytes: number, onError: (error: Error) => void): LogFile {
  ensurePrivateFolder(dir);
  const files = listFiles(dir);
  const transport = new DailyRotateFile({
    dirname: dir,
    filename: 'rolloutd-%DATE%',
    extension: '.log',
    datePattern: 'YYYY-MM-DD',
    utc: true,
    maxSize: maxFileBytes,
    options: {
      flags: constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW,
      mode: 0o600,
    },
    format: pick('json'),
  });
  let openStreams = 1;
  const closed = new Promise<void>((resolve) => {
    transport.logStream.on('close', () => {
      openStreams--;
      if (openStreams === 0) resolve();
    });
  });
  transport.logStream.on('rotate', () => openStreams++);
  // The transport could count files by itself, but keeps the count in a file of its own: one torn write to that would
  // switch the cleaning off for good.
  transport.logStream.on('new', (path: string) => {
    const index = files.indexOf(path);
    if (index !== -1) files.splice(index, 1);
    files.push(path);
    for (const old of files.splice(0, Math.max(0, files.length - MAX_FILES))) rmSync(old, { force: true });
  });
  // Nobody else listens: without this a full disk would end the process.
  transport.logStream.on('error', onError);
  return { transport, closed };
}

/** Throws config_invalid when `dir` cannot be made or is not ours. */
export function createLog(options: LogOptions): Log {
  const { dir, level, console: toConsole, retryAfterMs = 30_000, maxFileBytes = 10 * 1024 * 1024 } = options;
  const redactor = createRedactor();
  const logger = createLogger({ level, levels: { ...RANKS }, format: format((info) => info)(), exitOnError: false });
  const enabledRank = dir === null && !toConsole ? -1 : RANKS[level];
  let file: LogFile | null = null;
  let failedAt = 0;
  let closing: Promise<void> | null = null;

  function giveUpFile(error: Error): void {
    if (file === null) return;
    logger.remove(file.transport);
    file = null;
    failedAt = performance.now();
    // The log itself is what failed, so this is the one line that goes around it.
    process.stderr.write(`rolloutd: the log in ${dir} cannot be written: ${error.message}\n`);
  }

  function openFile(): void {
    if (dir === null) return;
    const opened = openLogFile(dir, maxFileBytes, (error) => {
      if (file === opened) giveUpFile(error);
    });
    file = opened;
    logger.add(opened.transport);
  }

  function reopenFile(): void {
    if (dir === null || file !== null || performance.now() - failedAt < retryAfterMs) return;
    try {
      openFile();
    } catch {
      // Still broken; said once, when it broke.
      failedAt = performance.now();
    }
  }

  function render(lineLevel: LogLevel, message: string, fields: LogFields): Line {
    const time = new Date().toISOString();
    const clean = redactor.redactText(message);
    let rest: string;
    try {
      // A field may not pose as one of the log's own.
      const own = 'time' in fields || 'level' in fields || 'message' in fields;
      rest = JSON.stringify(own ? { fields } : fields, (key, value: unknown) => redactor.replace(key, value)).slice(
        1,
        -1,
      );
    } catch (error) {
      rest = `"fields":${JSON.stringify(`cannot be written: ${(error as Error).message.split('\n')[0]}`)}`;
    }
    const head = `{"time":"${time}","level":"${lineLevel}","message":${JSON.stringify(clean)}`;
    const oneLine = clean.replace(/[\r\n]+/g, ' ⏎ ');
    return {
      level: lineLevel,
      message: clean,
      json: `${head}${rest === '' ? '' : `,${rest}`}}`,
      text: `${time} ${lineLevel.padEnd(5)} ${oneLine}${rest === '' ? '' : ` {${rest}}`}`,
    };
  }

  function write(lineLevel: LogLevel, message: string, fields: LogFields): void {
    if (closing !== null) return;
    reopenFile();
    if (file === null && !toConsole) return;
    logger.log(render(lineLevel, message, fields));
  }

  // A terminal that went away must not take the daemon with it.
  const ignoreStderrError = (): void => {};
  process.stderr.on('error', ignoreStderrError);
  if (toConsole) {
    logger.add(new transports.Console({ stderrLevels: Object.keys(RANKS), format: pick('text') }));
  }
  // Errors of transports come back here; giveUpFile has dealt with the one that matters.
  logger.on('error', () => {});
  openFile();

  async function finish(): Promise<void> {
    const last = file;
    logger.end();
    if (last !== null) await last.closed;
    process.stderr.off('error', ignoreStderrError);
  }

  function makeLog(base: LogFields): Log {
    const merge = (fields: LogFields | undefined): LogFields => (fields === undefined ? base : { ...base, ...fields });
    return {
      error: (message, fields) => void (enabledRank >= RANKS.error && write('error', message, merge(fields))),
      warn: (message, fields) => void (enabledRank >= RANKS.warn && write('warn', message, merge(fields))),
      info: (message, fields) => void (enabledRank >= RANKS.info && write('info', message, merge(fields))),
      debug: (message, fields) => void (enabledRank >= RANKS.debug && write('debug', message, merge(fields))),
      isLevelEnabled: (asked) => enabledRank >= RANKS[asked],
      child: (fields) => makeLog({ ...base, ...fields }),
      addSecret: (value) => redactor.addSecret(value),
      close: () => (closing ??= finish()),
    };
  }
  return makeLog({});
}
