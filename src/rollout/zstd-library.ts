// The zstd decoder, libzstd as WebAssembly. To load this module is to load the library: import it when a compressed
// file is met, never before. Any thread.
import { ZSTDDecoder } from 'zstddec/stream';

/** Functions of libzstd and the memory that they work in. Pointers count its bytes; sizes are unsigned 32-bit numbers. */
export interface ZstdFunctions {
  /** Grows now and then: views of its buffer do not outlive a call. */
  readonly memory: { readonly buffer: ArrayBuffer };
  /** 0 when there is no memory left. */
  malloc(size: number): number;
  free(pointer: number): void;
  /** 0 when there is no memory left. */
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): number;
  /** 0 at the end of a frame, a hint of how much is wanted next, or an error's number below 0. */
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** One WebAssembly instance for the whole thread. */
export const zstd: ZstdFunctions = await load();

/**
 * The package's own decoder passes over errors and keeps its memory when a read stops early, so only the functions
 * below it are used.
 */
async function load(): Promise<ZstdFunctions> {
  const decoder = new ZSTDDecoder();
  const begin = decoder._init.bind(decoder);
  let functions: ZstdFunctions | null = null;
  decoder._init = (loaded: { instance: { exports: unknown } }) => {
    functions = loaded.instance.exports as ZstdFunctions;
    begin(loaded as Parameters<typeof begin>[0]);
  };
  await decoder.init();
  if (functions === null) throw new Error('the zstd library did not start');
  return functions;
}
