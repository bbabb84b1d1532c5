// What a user puts into a turn, as the wire spells it. Main thread.
import { z } from 'zod';
import { uintSchema } from './scalars.js';

const textElementSchema = z.object({
  /** Offsets in UTF-8 bytes of the text. */
  byteRange: z.object({ start: uintSchema, end: uintSchema }),
  placeholder: z.string().nullish(),
});

const imageDetailSchema = z.enum(['auto', 'low', 'high', 'original']);

/** Media are named by one of two fields; the other may be absent. */
const mediaReference = { url: z.string().optional(), fileId: z.string().optional() };

function hasReference(media: { url?: string | undefined; fileId?: string | undefined }): boolean {
  return media.url !== undefined || media.fileId !== undefined;
}

const NO_REFERENCE = { error: 'missing field `url`' };

export const userInputSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), text_elements: z.array(textElementSchema).optional() }),
  z
    .object({ type: z.literal('image'), detail: imageDetailSchema.nullish(), ...mediaReference })
    .refine(hasReference, NO_REFERENCE),
  z.object({ type: z.literal('localImage'), detail: imageDetailSchema.nullish(), path: z.string() }),
  z.object({ type: z.literal('audio'), ...mediaReference }).refine(hasReference, NO_REFERENCE),
  z.object({ type: z.literal('localAudio'), path: z.string() }),
  z.object({ type: z.literal('skill'), name: z.string(), path: z.string() }),
  z.object({ type: z.literal('mention'), name: z.string(), path: z.string() }),
]);
