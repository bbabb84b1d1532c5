// The suite over recordings of the real peer, in the folder that ROLLOUT_FIXTURES names: without one it fails.
module.exports = {
  spec: ['dist/test/peer/**/*.test.js'],
  require: ['dist/test/setup.js'],
  timeout: 60_000,
  forbidOnly: process.env.CI !== undefined,
  forbidPending: true,
  failZero: true,
  // Long conversations that differ in one place must show that place.
  reporterOption: ['maxDiffSize=65536'],
  'node-option': ['enable-source-maps'],
};
