// What a user sent, as events of legacy files hold it. Any thread.
import type { CoreUserInput, EventOfType } from './line.js';

/** The parts of it, text first: the events do not tell their order. What is of another shape is left out. */
export function legacyInput(event: EventOfType<'user_message'>): CoreUserInput[] {
  const text: CoreUserInput[] =
    event.message.trim() === ''
      ? []
      : [{ type: 'text', text: event.message, text_elements: event.text_elements ?? [] }];
  const images = textsIn(event.images).map((url): CoreUserInput => ({ type: 'image', image_url: url }));
  const localImages = textsIn(event.local_images).map((path): CoreUserInput => ({ type: 'local_image', path }));
  const audio = textsIn(event.audio).map((url): CoreUserInput => ({ type: 'audio', audio_url: url }));
  const localAudio = textsIn(event.local_audio).map((path): CoreUserInput => ({ type: 'local_audio', path }));
  return [...text, ...images, ...localImages, ...audio, ...localAudio];
}

function textsIn(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((each): each is string => typeof each === 'string') : [];
}
