// Mocha's usual output, and the counts as JSON for scripts/test.mjs. A skipped test counts as failed: it did not show anything.
// A run that does not end after its last test is ended, and told what kept it: a failed test may leave a process behind.
const fs = require('node:fs');
const { setTimeout } = require('node:timers');
const { reporters, Runner } = require('mocha');

const END_WITHIN_MS = 20_000;

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      report(passes, failures + pending);
      const end = () => endLeftovers(passes, failures + pending);
      setTimeout(end, END_WITHIN_MS).unref(); // never fires when nothing else keeps the process alive
    });
  }
};

const report = (passed, failed) => fs.writeFileSync(process.env.AFTERIMAGE_TEST_REPORT, JSON.stringify({ passed, failed }));

/** Counts as a failure. */
function endLeftovers(passed, failed) {
  report(passed, failed + 1);
  console.error(`The tests have ended, but something is still open: ${process.getActiveResourcesInfo().join(', ')}.`);
  for (const pid of children()) {
    console.error(`  process ${pid} is ended: ${fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`);
    process.kill(pid, 'SIGKILL');
  }
  process.exit(1);
}

function children() {
  const tasks = fs.readdirSync('/proc/self/task');
  return tasks.flatMap((task) => fs.readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
}
