// The user's words: made well-formed, and put into the form that models take. Session worker.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { UserInput } from '../protocol/thread.js';
import type { CoreTextElement, CoreUserInput } from '../rollout/line.js';

/** Larger ones are refused by providers anyway. */
const MAX_IMAGE_BYTES = 20 * 1024 * 1024;

const IMAGE_TYPES: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
};

/** The input as it will be shown and recorded: no half surrogate pairs, `text_elements` and `detail` always there. */
export function normalizeInput(input: readonly UserInput[]): UserInput[] {
  return input.map((part) => {
    switch (part.type) {
      case 'text':
        return { ...part, text: part.text.toWellFormed(), text_elements: part.text_elements ?? [] };
      case 'image':
      case 'localImage':
        return { ...part, detail: part.detail ?? null };
      default:
        return part;
    }
  });
}

/** The same in the rollout's spelling. */
export function toCoreInput(input: readonly UserInput[]): CoreUserInput[] {
  return input.map((part) => {
    switch (part.type) {
      case 'text':
        return { type: 'text', text: part.text, text_elements: (part.text_elements ?? []).map(toCoreElement) };
      case 'image':
        return { type: 'image', ...toCoreReference(part, 'image_url'), ...toCoreDetail(part.detail) };
      case 'localImage':
        return { type: 'local_image', path: part.path, ...toCoreDetail(part.detail) };
      case 'audio':
        return { type: 'audio', ...toCoreReference(part, 'audio_url') };
      case 'localAudio':
        return { type: 'local_audio', path: part.path };
      case 'skill':
      case 'mention':
        return part;
    }
  });
}

type TextElement = NonNullable<Extract<UserInput, { type: 'text' }>['text_elements']>[number];

function toCoreElement({ byteRange, placeholder }: TextElement): CoreTextElement {
  return { byte_range: byteRange, placeholder: placeholder ?? null };
}

function toCoreReference(part: { url?: string | undefined; fileId?: string | undefined }, urlField: string): object {
  return part.url === undefined ? { file_id: part.fileId } : { [urlField]: part.url };
}

function toCoreDetail(detail: string | null | undefined): { detail?: string } {
  return detail == null ? {} : { detail };
}

/** True when every part can be handed to the model without reading a file. */
export function needsNoFiles(input: readonly UserInput[]): boolean {
  return input.every((part) => part.type !== 'localImage');
}

/** Content parts of a user message. An image file that cannot be read becomes a text that says so. */
export async function toModelContent(input: readonly UserInput[]): Promise<unknown[]> {
  const content: unknown[] = [];
  for (const part of input) {
    content.push(part.type === 'localImage' ? await readImage(part.path) : toContentPart(part));
  }
  return content;
}

/** The same for input that needs no files, at once. */
export function toModelContentSync(input: readonly UserInput[]): unknown[] {
  return input.map(toContentPart);
}

type ImagePart = { type: 'input_image'; image_url: string } | { type: 'input_text'; text: string };

function toContentPart(part: UserInput): unknown {
  switch (part.type) {
    case 'text':
      return { type: 'input_text', text: part.text };
    case 'image':
      return { type: 'input_image', image_url: part.url };
    default: {
      const named = part as { type: string; name?: string; path?: string };
      return { type: 'input_text', text: `[${named.type}: ${named.name ?? ''} ${named.path ?? ''}]` };
    }
  }
}

/** Its content part for the model; a text that says why when it cannot be had. */
export async function readImage(file: string): Promise<ImagePart> {
  const type = IMAGE_TYPES[path.extname(file).toLowerCase()];
  if (type === undefined) return { type: 'input_text', text: `[image ${file} has a type that is not supported]` };
  try {
    const bytes = await readPlainFile(file);
    return { type: 'input_image', image_url: `data:${type};base64,${bytes.toString('base64')}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { type: 'input_text', text: `[image ${file} could not be read: ${reason}]` };
  }
}

/** A pipe or a device would keep its reader waiting for ever, and with it every thread that reads files. */
async function readPlainFile(file: string): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error('it is not a file');
    if (stats.size > MAX_IMAGE_BYTES) throw new Error(`it is larger than ${MAX_IMAGE_BYTES} bytes`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
