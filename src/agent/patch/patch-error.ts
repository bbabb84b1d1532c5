// Why a patch could not be applied, in words for the model that wrote it. Session worker.

/**
 * `malformed`: the text is no patch. `missing`: a file to change or delete is not there. `not_a_file`: a folder or the like is in
 * its place. `does_not_fit`: its lines are not those that the patch expects. `forbidden`: a file that no patch may touch.
 * `changed_meanwhile`: the files are not any more what the patch was planned for. `io_failed`: the system refused; nothing was
 * changed. `half_applied`: the system refused, and then also to take back what had been done; the message names the files.
 */
export type PatchErrorCode =
  | 'malformed'
  | 'missing'
  | 'not_a_file'
  | 'does_not_fit'
  | 'forbidden'
  | 'changed_meanwhile'
  | 'io_failed'
  | 'half_applied';

export class PatchError extends Error {
  readonly code: PatchErrorCode;

  constructor(code: PatchErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'PatchError';
    this.code = code;
  }

  /** What the system refused, as a patch error; a patch error stays what it is. */
  static from(error: unknown, what: string): PatchError {
    if (error instanceof PatchError) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    return new PatchError('io_failed', `${what}: ${code ?? message}`, { cause: error });
  }
}
