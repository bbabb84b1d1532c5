// What a sandbox hides from the commands in it. Session worker.
import { join } from 'node:path';

/** Absolute paths. What is not there is left out. */
export interface SandboxPlaces {
  /** Neither readable nor reachable, whatever else the policy says: folders, files, sockets. */
  hidden: readonly string[];
  /** Folders that are empty from inside but for what is shown in them, and for workspaces that lie in them. */
  covered: readonly string[];
  /** Readable in spite of being covered; never writable unless a writable root holds it. */
  shown: readonly string[];
}

/** What only the daemon, or another conversation, may see of a home. */
const PRIVATE_NAMES = [
  'rolloutd',
  'sessions',
  'archived_sessions',
  'thread-writer-locks',
  'auth.json',
  'session_index.jsonl',
  'history.jsonl',
  'log',
];

/** What is written for the agent. The configuration is not: it may hold keys. */
const SHOWN_NAMES = ['AGENTS.md', 'AGENTS.override.md', 'skills', 'rules', 'prompts'];

/** The whole home is out of reach: also what appears in it while a command runs. */
export function homePlaces(home: string): SandboxPlaces {
  return {
    // Named one by one as well: some of them may be links that lead out of the home.
    hidden: PRIVATE_NAMES.map((name) => join(home, name)),
    covered: [home],
    shown: SHOWN_NAMES.map((name) => join(home, name)),
  };
}

/** Sockets of services that run programs for whoever asks: through them a command would leave its sandbox. */
const CONTROL_SOCKETS = [
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/podman/podman.sock',
  '/run/crio/crio.sock',
  '/run/dbus/system_bus_socket',
  '/run/systemd/private',
  '/tmp/.X11-unix',
];

/** The user's session bus and the like lie in XDG_RUNTIME_DIR; the agent of ssh where its variable says. */
export function controlPlaces(env: Readonly<Record<string, string | undefined>>): SandboxPlaces {
  const agent = env.SSH_AUTH_SOCK;
  const runtime = env.XDG_RUNTIME_DIR;
  const bus = /(?:^|;)unix:(?:[^;]*,)?path=([^,;]+)/.exec(env.DBUS_SESSION_BUS_ADDRESS ?? '')?.[1];
  const sockets = [...CONTROL_SOCKETS, agent, bus].filter((path) => path?.startsWith('/') === true) as string[];
  return { hidden: sockets, covered: runtime?.startsWith('/') === true ? [runtime] : [], shown: [] };
}

export function joinPlaces(...all: readonly SandboxPlaces[]): SandboxPlaces {
  return {
    hidden: all.flatMap(({ hidden }) => hidden),
    covered: all.flatMap(({ covered }) => covered),
    shown: all.flatMap(({ shown }) => shown),
  };
}
