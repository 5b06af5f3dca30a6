// Mocha's usual output, and the counts as JSON for scripts/test.mjs. A skipped test counts as failed: it did not show anything.
const fs = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      fs.writeFileSync(process.env.AFTERIMAGE_TEST_REPORT, JSON.stringify({ passed: passes, failed: failures + pending }));
    });
  }
};
