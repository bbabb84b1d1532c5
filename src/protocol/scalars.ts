// Numbers and paths that several parts of the wire contract share. Main thread.
import { z } from 'zod';
import { describeValue } from './wording.js';

/** Error map of a schema whose values clients know by `name`; absent values keep the general wording. */
function expected(name: string) {
  return {
    error: ({ input }: { input?: unknown }): string | undefined => {
      if (input === undefined) return undefined;
      const complaint = typeof input === 'number' && Number.isInteger(input) ? 'invalid value' : 'invalid type';
      return `${complaint}: ${describeValue(input)}, expected ${name}`;
    },
  };
}

export const uint32Schema = z.uint32(expected('u32'));
export const uintSchema = z.int(expected('usize')).min(0, expected('usize'));
/** Safe integers only: JSON numbers beyond 2^53 are not exact here. */
export const intSchema = z.int(expected('i64'));

export const absolutePathSchema = z.string().regex(/^(?:\/|\\\\|[A-Za-z]:[\\/])/, {
  error: ({ input }) => `invalid value: ${describeValue(input)}, expected an absolute path`,
});
