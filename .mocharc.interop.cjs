// The suite that drives the real peer binary: slow, and it may download that binary into .cache/.
module.exports = {
  spec: ['dist/test/interop/**/*.test.js'],
  require: ['dist/test/interop/peer-setup.js', 'dist/test/setup.js'],
  timeout: 120_000,
  forbidOnly: process.env.CI !== undefined,
  // Long conversations that differ in one place must show that place.
  reporterOption: ['maxDiffSize=65536'],
  'node-option': ['enable-source-maps'],
};
