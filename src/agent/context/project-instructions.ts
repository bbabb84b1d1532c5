// What the person and the project ask of every agent: AGENTS.md files, found and put together for the model. Session
// worker.
import { open, realpath, stat } from 'node:fs/promises';
import { constants } from 'node:fs';
import path from 'node:path';

/** Names in one folder, the first that is there counts; those of the configuration follow. */
const DOCUMENT_NAMES = ['AGENTS.override.md', 'AGENTS.md'];
/** As other programs put it between what the person asks and what the project asks. */
const PROJECT_SEPARATOR = '\n\n--- project-doc ---\n\n';
/** The person's own file has no limit of the configuration. */
const MAX_HOME_BYTES = 1024 * 1024;

/** Config `project_doc_max_bytes` and `project_root_markers` where nothing is said. */
export const DEFAULT_MAX_DOCUMENT_BYTES = 32 * 1024;
export const DEFAULT_ROOT_MARKERS: readonly string[] = ['.git'];

export interface InstructionsQuery {
  home: string;
  /** Absolute. */
  cwd: string;
  /** For the files of the project together; 0 reads none of them. */
  maxBytes: number;
  /** Config `project_doc_fallback_filenames`. */
  fallbackNames: readonly string[];
  rootMarkers: readonly string[];
}

export interface ProjectInstructions {
  /** Null when there is nothing. */
  body: string | null;
  /** The cwd when files of the project are among them, else null. */
  folder: string | null;
  /** Absolute paths in their order, for `instructionSources`. */
  sources: string[];
  /** What the person should know, such as that a file was cut. */
  warnings: string[];
}

/**
 * The file of the home, then one of each folder from the root of the project (the nearest folder above with a marker;
 * without one the cwd alone) down to the cwd. Files without a word are left out. Never rejects: what cannot be read
 * is a warning.
 */
export async function collectProjectInstructions(query: InstructionsQuery): Promise<ProjectInstructions> {
  const warnings: string[] = [];
  const home = await readHomeDocument(query.home, warnings);
  const project = await readProjectDocuments(query, warnings);
  const parts = [
    ...(home === null ? [] : [home.text.trim()]),
    ...(project.length === 0 ? [] : [project.map(({ text }) => text).join('\n\n')]),
  ];
  return {
    body: parts.length === 0 ? null : parts.join(PROJECT_SEPARATOR),
    folder: project.length === 0 ? null : query.cwd,
    sources: [...(home === null ? [] : [home.file]), ...project.map(({ file }) => file)],
    warnings,
  };
}

/**
 * The text for the model, in the envelope that readers know it by; null when there is nothing to say.
 * `replacesEarlier`: the conversation has been given others before, which do not hold any more.
 */
export function instructionsText({ body, folder }: ProjectInstructions, replacesEarlier = false): string | null {
  if (body === null && !replacesEarlier) return null;
  const title = folder === null ? '# AGENTS.md instructions' : `# AGENTS.md instructions for ${folder}`;
  const notice = replacesEarlier
    ? 'From here on these hold, and none of the AGENTS.md instructions given before.\n\n'
    : '';
  return `${title}\n\n<INSTRUCTIONS>\n${notice}${body ?? 'There are none.'}\n</INSTRUCTIONS>`;
}

interface Document {
  file: string;
  text: string;
}

async function readHomeDocument(home: string, warnings: string[]): Promise<Document | null> {
  for (const name of DOCUMENT_NAMES) {
    const file = path.join(home, name);
    const document = await readDocument(file, MAX_HOME_BYTES, warnings);
    if (document !== null && document.text.trim() !== '') return document;
  }
  return null;
}

async function readProjectDocuments(query: InstructionsQuery, warnings: string[]): Promise<Document[]> {
  const documents: Document[] = [];
  let left = query.maxBytes;
  for (const folder of await projectFolders(query)) {
    if (left <= 0) break;
    const file = await findDocument(folder, [...DOCUMENT_NAMES, ...query.fallbackNames]);
    const document = file === null ? null : await readDocument(file, left, warnings);
    if (document === null || document.text.trim() === '') continue;
    left -= Buffer.byteLength(document.text);
    documents.push(document);
  }
  return documents;
}

/** From the root of the project down to the cwd. */
async function projectFolders({ cwd, rootMarkers }: InstructionsQuery): Promise<string[]> {
  // The folders above are those that the cwd really lies in.
  const start = await realpath(cwd).catch(() => cwd);
  const folders = [start];
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (folder !== start) folders.unshift(folder);
    for (const marker of rootMarkers) if (await isThere(path.join(folder, marker))) return folders;
    if (path.dirname(folder) === folder) return [start];
  }
}

async function findDocument(folder: string, names: readonly string[]): Promise<string | null> {
  for (const name of names) {
    const file = path.join(folder, name);
    const stats = path.basename(name) === name ? await stat(file).catch(() => null) : null;
    if (stats?.isFile() === true) return file;
  }
  return null;
}

async function isThere(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null)) !== null;
}

/** Null when there is no such file. Reads at most so many bytes, whole characters only. */
async function readDocument(file: string, maxBytes: number, warnings: string[]): Promise<Document | null> {
  try {
    // A pipe in its place must not be waited for.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return null;
      const bytes = Buffer.alloc(Math.min(stats.size, maxBytes));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      if (stats.size > maxBytes) {
        warnings.push(
          `Only ${bytesRead} of ${stats.size} bytes of ${file} are given to the model (project_doc_max_bytes).`,
        );
      }
      return { file, text: decodeWhole(bytes.subarray(0, bytesRead), stats.size > maxBytes) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') warnings.push(`${file} cannot be read: ${message}`);
    return null;
  }
}

function decodeWhole(bytes: Buffer, isCut: boolean): string {
  // Fed as the beginning of a stream, an unfinished character at the end is held back.
  return new TextDecoder().decode(bytes, { stream: isCut });
}
