// Ends the daemon at the planned moment, as close to what a client was just told as can be. Main thread.
import type { WireProxy } from '../support/wire-proxy.js';
import type { DaemonLife } from './daemon-life.js';
import { TRIGGERS } from './plan.js';
import type { KillPlan, WorkMoment } from './plan.js';

/** Resolves when the signal was sent. */
export function armTrap(
  life: DaemonLife,
  proxy: WireProxy,
  moment: WorkMoment,
  signal: KillPlan['signal'],
): Promise<void> {
  return new Promise((resolve) => {
    const strike = () => {
      proxy.onToClient(null);
      life.strike(signal);
      resolve();
    };
    if (moment.type === 'timer') {
      setTimeout(strike, moment.afterMs);
      return;
    }
    let left = moment.nth;
    const latest = setTimeout(strike, moment.latestMs);
    proxy.onToClient(({ bytes }) => {
      left -= countOf(bytes, TRIGGERS[moment.trigger]);
      if (left > 0) return;
      clearTimeout(latest);
      proxy.onToClient(null);
      if (moment.delayMs === 0) strike();
      else setTimeout(strike, moment.delayMs);
    });
  });
}

function countOf(bytes: Buffer, needle: string): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) count += 1;
  return count;
}
