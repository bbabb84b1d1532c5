// All modes of the fault driver, in the order in which they run. Any thread.
import type { FaultMode } from './mode.js';
import { DISK_FAULTS } from './mode-disk-faults.js';
import { DISCONNECTS } from './mode-disconnects.js';
import { KILLS } from './mode-kills.js';
import { MODEL_FAULTS } from './mode-model-faults.js';
import { POWER_LOSSES } from './mode-power-losses.js';
import { INDEX_DEATHS, WRITER_DEATHS } from './mode-service-deaths.js';
import { SLOW_CLIENTS } from './mode-slow-clients.js';
import { WORKER_DEATHS } from './mode-worker-deaths.js';

export const FAULT_MODES: readonly FaultMode[] = [
  KILLS,
  WORKER_DEATHS,
  WRITER_DEATHS,
  INDEX_DEATHS,
  MODEL_FAULTS,
  DISK_FAULTS,
  POWER_LOSSES,
  DISCONNECTS,
  SLOW_CLIENTS,
];
