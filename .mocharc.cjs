const { availableParallelism } = require('node:os');

/** What takes long: random and exhaustive suites, which run by `npm run test:long`. */
const LONG = [
  'dist/test/agent/exec/interrupts.test.js',
  'dist/test/agent/exec/stop.test.js',
  'dist/test/agent/patch/generated-patches.test.js',
  'dist/test/conversation/asked-at-random.test.js',
  'dist/test/conversation/cut-files.test.js',
  'dist/test/conversation/killed-questions.test.js',
  'dist/test/conversation/tools-interrupt.test.js',
  'dist/test/sequences/sequences.test.js',
];
const isLong = process.env.TEST_LONG === '1';

// The default suite: everything that needs no other program's binary, no recordings from elsewhere and no long run.
module.exports = {
  spec: isLong ? LONG : ['dist/test/**/*.test.js'],
  ignore: isLong ? [] : ['dist/test/faults/**', 'dist/test/interop/**', 'dist/test/peer/**', ...LONG],
  require: ['dist/test/setup.js'],
  // Files share nothing. With --no-parallel the suite also tells of handles that it left open.
  parallel: true,
  jobs: Math.min(4, Math.max(2, availableParallelism())),
  timeout: isLong ? 120_000 : 10_000,
  forbidOnly: process.env.CI !== undefined,
  // Long conversations that differ in one place must show that place.
  reporterOption: ['maxDiffSize=65536'],
  'node-option': ['enable-source-maps'],
};
