const { availableParallelism } = require('node:os');

// The default suite: everything that needs no other program's binary, no recordings from elsewhere and no long run.
module.exports = {
  spec: ['dist/test/**/*.test.js'],
  ignore: ['dist/test/faults/**', 'dist/test/interop/**', 'dist/test/peer/**'],
  require: ['dist/test/setup.js'],
  // Files share nothing. With --no-parallel the suite also tells of handles that it left open.
  parallel: true,
  jobs: Math.min(4, Math.max(2, availableParallelism())),
  timeout: 10_000,
  forbidOnly: process.env.CI !== undefined,
  // Long conversations that differ in one place must show that place.
  reporterOption: ['maxDiffSize=65536'],
  'node-option': ['enable-source-maps'],
};
