// What the working directory's repository says of itself, read from its files: no process is started. Main thread.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SessionMeta } from '../session/messages.js';

const MAX_PARENTS = 64;
const COMMIT_HASH = /^[0-9a-f]{40,64}$/;

/** Null outside a repository. Never rejects: what cannot be read is left out. */
export async function readGitInfo(cwd: string): Promise<SessionMeta['git']> {
  const gitDir = await findGitDir(cwd);
  if (gitDir === null) return null;
  const common = path.resolve(gitDir, (await readText(path.join(gitDir, 'commondir')))?.trim() ?? '.');
  const head = (await readText(path.join(gitDir, 'HEAD')))?.trim() ?? '';
  const ref = /^ref: (.+)$/.exec(head)?.[1] ?? null;
  const found = ref === null ? head : await resolveRef(gitDir, common, ref);
  const commit = found !== null && COMMIT_HASH.test(found) ? found : null;
  const remote = originUrl((await readText(path.join(common, 'config'))) ?? '');
  return {
    ...(commit === null ? {} : { commit_hash: commit }),
    ...(ref === null ? {} : { branch: ref.replace(/^refs\/heads\//, '') }),
    ...(remote === null ? {} : { repository_url: remote }),
  };
}

async function findGitDir(cwd: string): Promise<string | null> {
  let folder = path.resolve(cwd);
  for (let depth = 0; depth < MAX_PARENTS; depth += 1) {
    const candidate = path.join(folder, '.git');
    const found = await stat(candidate).catch(() => null);
    if (found?.isDirectory()) return candidate;
    if (found?.isFile()) {
      // A worktree or submodule: the file names the real folder.
      const named = /^gitdir: (.+)$/m.exec((await readText(candidate)) ?? '')?.[1];
      return named === undefined ? null : path.resolve(folder, named.trim());
    }
    const parent = path.dirname(folder);
    if (parent === folder) return null;
    folder = parent;
  }
  return null;
}

async function resolveRef(gitDir: string, common: string, ref: string): Promise<string | null> {
  for (const base of [gitDir, common]) {
    const loose = await readText(path.join(base, ref));
    if (loose !== null) return loose.trim();
  }
  const packed = (await readText(path.join(common, 'packed-refs'))) ?? '';
  const line = packed.split('\n').find((entry) => entry.endsWith(` ${ref}`));
  return line?.split(' ')[0] ?? null;
}

function originUrl(config: string): string | null {
  const section = /^\[remote "origin"\]\s*$([^[]*)/m.exec(config)?.[1] ?? '';
  const url = /^\s*url\s*=\s*(.+?)\s*$/m.exec(section)?.[1] ?? null;
  // A password in the address is nobody's business.
  return url?.replace(/^(\w+:\/\/)[^/@]*@/, '$1') ?? null;
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}
