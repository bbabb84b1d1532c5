// Background terminals as clients see them, where the system tells all of them and where it does not. Used by tests only.
import type { ResultOf } from '../../src/protocol/methods.js';

const cwd = '/srv/garden';

export const exampleTerminals: ResultOf<'thread/backgroundTerminals/list'>['data'] = [
  { itemId: 'i', processId: '27052', command: 'npm run watch', cwd, osPid: 4711, cpuPercent: 1.5, rssKb: 2048 },
  { itemId: 'j', processId: '3', command: 'cat', cwd, osPid: null, cpuPercent: null, rssKb: null },
];
