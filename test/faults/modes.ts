// All modes of the fault driver, in the order in which they run. Any thread.
import type { FaultMode } from './mode.js';
import { KILLS } from './mode-kills.js';

export const FAULT_MODES: readonly FaultMode[] = [KILLS];
