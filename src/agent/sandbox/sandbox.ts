// Puts commands into the sandbox that a policy asks for. Session worker.
import { DaemonError } from '../../errors.js';
import type { SandboxPolicy } from '../../protocol/thread.js';
import { bwrapArguments } from './bwrap-arguments.js';
import { isProgram } from './find-program.js';
import { PlaceholderFolders } from './placeholder-folders.js';
import { isWithin, listGuards, planMounts, realPath } from './plan-mounts.js';
import type { PlanRequest } from './plan-mounts.js';
import { probeBwrap } from './probe-bwrap.js';
import type { BwrapFound } from './probe-bwrap.js';
import type { SandboxPlaces } from './sandbox-places.js';
import { seatbeltProfile } from './seatbelt-profile.js';

export interface SandboxOptions {
  /** Out of reach of every command: see homePlaces and controlPlaces. */
  places: SandboxPlaces;
  /** PATH of the daemon, where the programs that make a sandbox are looked for. */
  searchPath: string;
  platform?: NodeJS.Platform;
}

export interface SandboxRequest {
  argv: readonly string[];
  /** Where the command starts; gives no right to write there. */
  cwd: string;
  policy: SandboxPolicy;
  /** Writable under workspaceWrite, beside the policy's own roots. */
  workspaceRoots: readonly string[];
  /** TMPDIR of the command; null without one. */
  temporaryFolder: string | null;
}

export interface SandboxedCommand {
  argv: readonly string[];
  /** To be called once, when the command has ended or could not be started. */
  release(): void;
}

const SANDBOX_EXEC = '/usr/bin/sandbox-exec';

export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #placeholders = new PlaceholderFolders();
  #found: Promise<BwrapFound> | null = null;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /**
   * The command line that runs the command under the policy. Throws sandbox_unavailable when there is no way to enforce
   * it here: a command that should be in a sandbox is never run without.
   */
  async wrap(request: SandboxRequest): Promise<SandboxedCommand> {
    const { argv, policy } = request;
    if (policy.type === 'dangerFullAccess' || policy.type === 'externalSandbox')
      return { argv, release: () => undefined };
    const { places, platform = process.platform } = this.#options;
    const cwd = realPath(request.cwd) ?? request.cwd;
    if (places.hidden.some((place) => isWithin(cwd, realPath(place) ?? place))) {
      throw unavailable(`the daemon keeps ${cwd} to itself`);
    }
    const plan = { ...request, policy, places };
    if (platform === 'linux') return this.#wrapWithBwrap(plan, argv, cwd);
    if (platform === 'darwin') return wrapWithSeatbelt(plan, argv);
    throw unavailable(`there is none for ${platform}`);
  }

  async #wrapWithBwrap(plan: PlanRequest, argv: readonly string[], cwd: string): Promise<SandboxedCommand> {
    const uid = process.getuid?.() ?? -1;
    const gid = process.getgid?.() ?? -1;
    this.#found ??= probeBwrap(this.#options.searchPath, uid, gid);
    const found = await this.#found;
    if ('reason' in found) {
      // Whoever installs it meanwhile need not start again.
      this.#found = null;
      throw unavailable(found.reason);
    }
    const held = this.#placeholders.hold(listGuards(plan));
    const mounts = planMounts(plan);
    const networkAccess = plan.policy.networkAccess === true;
    return {
      argv: bwrapArguments({ ...found, mounts, cwd, networkAccess, uid, gid, argv }),
      release: () => this.#placeholders.release(held),
    };
  }
}

function wrapWithSeatbelt(plan: PlanRequest, argv: readonly string[]): SandboxedCommand {
  if (!isProgram(SANDBOX_EXEC)) throw unavailable(`${SANDBOX_EXEC} is missing`);
  const guards = listGuards(plan).map((path) => ({ path, kind: 'readOnly' as const }));
  const mounts = [...planMounts(plan), ...guards];
  const profile = seatbeltProfile({ mounts, networkAccess: plan.policy.networkAccess === true });
  return { argv: [SANDBOX_EXEC, '-p', profile, '--', ...argv], release: () => undefined };
}

function unavailable(reason: string): DaemonError {
  return new DaemonError('sandbox_unavailable', `no sandbox for this command: ${reason}`);
}
