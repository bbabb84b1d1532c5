// A user's input as files spell it and as the wire does. Any thread.
import type { UserInput } from '../protocol/thread.js';
import type { CoreTextElement, CoreUserInput } from './line.js';

type ImageDetail = Extract<UserInput, { type: 'image' }>['detail'];

/** Wire form of one part; null for a part of a newer writer. */
export function toUserInput(part: CoreUserInput): UserInput | null {
  switch (part.type) {
    case 'text':
      return {
        type: 'text',
        text: part.text,
        text_elements: elementsIn(part.text_elements).map(({ byte_range, placeholder }) => ({
          byteRange: byte_range,
          placeholder: placeholder ?? null,
        })),
      };
    case 'image':
      return {
        type: 'image',
        ...reference(part.image_url, part.file_id),
        detail: (part.detail ?? null) as ImageDetail,
      };
    case 'local_image':
      return { type: 'localImage', detail: (part.detail ?? null) as ImageDetail, path: part.path };
    case 'audio':
      return { type: 'audio', ...reference(part.audio_url, part.file_id) };
    case 'local_audio':
      return { type: 'localAudio', path: part.path };
    case 'skill':
    case 'mention':
      return { type: part.type, name: part.name, path: part.path };
    default:
      return null;
  }
}

/** Those that say where they are; other programs may have written anything. */
function elementsIn(list: unknown): CoreTextElement[] {
  if (!Array.isArray(list)) return [];
  return (list as (CoreTextElement | null)[]).filter(
    (each): each is CoreTextElement => typeof each?.byte_range === 'object' && each.byte_range !== null,
  );
}

function reference(url: string | undefined, fileId: string | undefined): { url?: string; fileId?: string } {
  return { ...(url === undefined ? {} : { url }), ...(fileId === undefined ? {} : { fileId }) };
}
