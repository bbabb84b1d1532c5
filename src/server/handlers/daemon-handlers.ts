// daemon/*: how the process is, and its stop once nothing runs. Main thread.
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';

export function daemonStatusHandler({ lifecycle }: HandlerContext): Handler<'daemon/status'> {
  return (_params, respond) => respond.result(lifecycle.status());
}

/** Who goes away before the answer does not want it any more. */
export function daemonDrainHandler({ lifecycle }: HandlerContext): Handler<'daemon/drain'> {
  return async (params, respond) => {
    const { connection } = respond;
    respond.result({ drained: await lifecycle.drain(params.timeoutMs ?? null, () => connection.isOpen) });
  };
}
