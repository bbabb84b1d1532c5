// `rolloutd status`: whether the daemon of a home runs, and how. Clients.
import { setTimeout as delay } from 'node:timers/promises';
import type { ResultOf } from '../protocol/methods.js';
import { readVersion } from '../version.js';
import { askDaemon } from './ask-daemon.js';
import type { DaemonFile } from './daemon-file.js';
import { EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import { askReadiness, findProcesses } from './home-processes.js';

/** What `--json` prints. */
export interface HomeStatus {
  home: string;
  /** `waiting`: it died and is started again soon; `parked`, `failed`: it is not; `silent`: it runs and does not answer. */
  state: 'running' | 'starting' | 'stopping' | 'silent' | 'waiting' | 'parked' | 'failed' | 'stopped';
  pid: number | null;
  url: string | null;
  /** Of the daemon that runs. */
  version: string | null;
  /** Of this command line, and of a daemon that it would start. */
  commandVersion: string;
  startedAt: string | null;
  uptimeSeconds: number | null;
  /** null when none runs. */
  supervisorPid: number | null;
  /** A supervisor started the daemon that runs, and is gone. */
  supervisorLost: boolean;
  restarts: number;
  /** How the daemon ended last, as far as its supervisor knows. */
  lastEnd: string | null;
  loadedThreads: number | null;
  runningTurns: number | null;
  clients: number | null;
  /** Requests that the daemon refused since its start because a client asked more than it waited for. */
  refusedRequests: number | null;
}

const ANSWER_LIMIT_MS = 3_000;

/** Prints the status; resolves to 0 when a daemon runs and answers, 1 when it does not answer, 3 when none runs. */
export async function runStatus(home: string, json: boolean): Promise<ExitCode> {
  const status = await findStatus(home);
  process.stdout.write(json ? `${JSON.stringify(status)}\n` : formatStatus(status));
  if (status.state === 'silent') return EXIT.failure;
  return status.state === 'running' || status.state === 'stopping' ? EXIT.ok : EXIT.notRunning;
}

async function findStatus(home: string): Promise<HomeStatus> {
  const { daemon, state, supervisor, all } = findProcesses(home);
  const answer = daemon === null ? null : await ask(home);
  const isStarting = daemon === null && all.some(({ pid }) => pid === state?.daemon?.pid);
  const isSaid = supervisor !== null || isFinal(state?.phase);
  const withoutDaemon = isStarting ? 'starting' : isSaid ? state?.phase : null;
  return {
    home,
    state: daemon !== null ? await findState(daemon, answer) : (withoutDaemon ?? 'stopped'),
    pid: daemon?.pid ?? null,
    url: daemon?.url ?? null,
    version: daemon?.version ?? null,
    commandVersion: readVersion(),
    startedAt: daemon?.startedAt ?? null,
    uptimeSeconds: daemon === null ? null : Math.floor((Date.now() - Date.parse(daemon.startedAt)) / 1_000),
    supervisorPid: supervisor?.pid ?? null,
    supervisorLost: daemon?.supervised === true && supervisor === null,
    restarts: supervisor === null ? 0 : (state?.restarts ?? 0),
    lastEnd: supervisor !== null || (daemon === null && isSaid) ? (state?.reason ?? null) : null,
    loadedThreads: answer?.loadedThreadCount ?? null,
    runningTurns: answer?.runningTurnCount ?? null,
    clients: answer === null ? null : answer.clientCount - 1,
    refusedRequests: answer?.refusedRequestCount ?? null,
  };
}

/** A daemon that stops, or is of an older version, answers less. */
async function findState(daemon: DaemonFile, answer: ResultOf<'daemon/status'> | null): Promise<HomeStatus['state']> {
  if (answer !== null) return answer.stopping ? 'stopping' : 'running';
  const readiness = await askReadiness(daemon.url);
  return readiness === 'ready' ? 'running' : readiness;
}

function isFinal(phase: string | undefined): boolean {
  return phase === 'parked' || phase === 'failed';
}

/** null when it does not answer in time, or not as a daemon of this version would. */
async function ask(home: string): Promise<ResultOf<'daemon/status'> | null> {
  const asked = askDaemon(home, (client) => client.request('daemon/status', {}));
  return Promise.race([asked, delay(ANSWER_LIMIT_MS, null, { ref: false })]).catch(() => null);
}

const SENTENCES: Readonly<Record<HomeStatus['state'], string>> = {
  running: 'running',
  starting: 'starting',
  stopping: 'stopping',
  silent: 'running, but it does not answer; end it with: rolloutd restart',
  waiting: 'not running: it died and will be started again',
  parked: 'not running: it died too often and was left alone; start it with: rolloutd start',
  failed: 'not running: it did not start; start it with: rolloutd start',
  stopped: 'not running; start it with: rolloutd start',
};

/** For a person: a word and what it means, one a line. */
function formatStatus(status: HomeStatus): string {
  const rows: [string, string][] = [
    ['home', status.home],
    ['daemon', SENTENCES[status.state]],
  ];
  if (status.lastEnd !== null) rows.push(['last end', `it ${status.lastEnd}`]);
  if (status.pid !== null) {
    rows.push(['process', `pid ${status.pid}, up for ${formatDuration(status.uptimeSeconds ?? 0)}`]);
    rows.push(['listening', status.url ?? '']);
    rows.push(['supervisor', describeSupervisor(status)]);
  }
  if (status.loadedThreads !== null) {
    rows.push(['conversations', `${status.loadedThreads} loaded, ${status.runningTurns} with a running turn`]);
    const refused = status.refusedRequests ?? 0;
    rows.push([
      'clients',
      `${status.clients}${refused === 0 ? '' : `; ${refused} requests refused: too many at once`}`,
    ]);
  }
  rows.push(['version', describeVersions(status)]);
  return rows.map(([name, text]) => `${name.padEnd(14)} ${text}\n`).join('');
}

function describeSupervisor({ supervisorPid, supervisorLost, restarts }: HomeStatus): string {
  if (supervisorLost) return 'gone: nobody restarts the daemon; give it another with: rolloutd start';
  if (supervisorPid === null) return 'none: started by hand';
  const times = restarts === 1 ? 'once' : `${restarts} times`;
  return `pid ${supervisorPid}${restarts === 0 ? '' : `, has restarted the daemon ${times}`}`;
}

function describeVersions({ version, commandVersion }: HomeStatus): string {
  if (version === null) return commandVersion;
  if (version === commandVersion) return version;
  return `${version} runs, ${commandVersion} is installed; change over with: rolloutd restart --when-idle`;
}

function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}
