// Entry of the rollout writer's thread.
import { parentPort } from 'node:worker_threads';
import { RolloutWriter } from '../src/rollout/rollout-writer.js';

/** Nobody calls it: it lives by the messages of its port. */
export const writer = parentPort === null ? null : new RolloutWriter(parentPort);
