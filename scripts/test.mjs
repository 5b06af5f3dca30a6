// Runs the suites one after the other, cheap ones first, and adds everything up.
//
//   lint        eslint and prettier, one check each
//   recorder    the C++ tests (ctest)
//   sanitize    those that need no heap of ours, under the address and thread sanitizers
//   <folder>    test/<folder>/**/*.test.ts with mocha; "tidy" is test/*.test.ts
//
// Compiled tests are found by their sources: out/ may still hold the output of a test that was deleted.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-test-'));
const folderOrder = ['native', 'extension', 'debug-adapter', 'conformance', 'soak', 'end-to-end'];
const soaking = process.env.AFTERIMAGE_SOAK === '1';

const suiteLimitMs = soaking ? undefined : 20 * 60_000; // several times what the longest one takes

/** Runs a command with its output visible; true when it succeeded. */
function run(command, args, env = {}) {
  const limits = { timeout: suiteLimitMs, killSignal: 'SIGKILL' };
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env }, ...limits });
  if (error) console.error(`${command}: ${error.code === 'ETIMEDOUT' ? 'ended, it took more than 20 minutes' : error.message}`);
  return status === 0;
}

const bin = (name) => path.join(root, 'node_modules/.bin', name);

function lint() {
  const results = [
    run(bin('eslint'), ['--cache', '--cache-location', '.cache/eslint', '.']),
    run(bin('prettier'), ['--cache', '--cache-location', '.cache/prettier', '--log-level', 'warn', '--check', '.']),
  ];
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
}

function recorder() {
  const report = path.join(scratch, 'ctest.xml');
  const ok = run('ctest', [
    '--test-dir',
    'build/recorder',
    '--timeout',
    '300',
    '--output-on-failure',
    '--no-tests=error',
    '--output-junit',
    report,
  ]);
  const suite = fs.existsSync(report) ? /<testsuite\b[^>]*>/.exec(fs.readFileSync(report, 'utf8'))[0] : '';
  const count = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const notPassed = count('failures') + count('disabled') + count('skipped');
  return { passed: count('tests') - notPassed, failed: Math.max(notPassed, ok ? 0 : 1) };
}

function sanitize() {
  const sanitizers = ['address', 'thread']; // `npm run sanitize` builds everything with the third one, too
  const passed = sanitizers.filter((sanitizer) => run('scripts/sanitize', [sanitizer])).length;
  return { passed, failed: sanitizers.length - passed };
}

function mocha(folder, tests) {
  const report = path.join(scratch, `${folder}.json`);
  const limits = soaking ? ['--timeout', '0'] : [];
  const ok = run(bin('mocha'), ['--reporter', 'scripts/mocha-reporter.cjs', ...limits, ...tests], { AFTERIMAGE_TEST_REPORT: report });
  const counts = fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, 'utf8')) : { passed: 0, failed: 0 };
  return { passed: counts.passed, failed: Math.max(counts.failed, ok ? 0 : 1) };
}

/** The mocha suites: folder of test/ -> compiled tests; test/*.test.ts are "tidy". */
function testFolders() {
  const folders = new Map();
  const sources = fs.readdirSync(path.join(root, 'test'), { recursive: true }).filter((file) => file.endsWith('.test.ts'));
  for (const source of sources.sort()) {
    const folder = source.includes('/') ? source.slice(0, source.indexOf('/')) : 'tidy';
    const compiled = path.join('out/test', source.replace(/\.ts$/, '.js'));
    folders.set(folder, [...(folders.get(folder) ?? []), compiled]);
  }
  return [...folders].sort(([a], [b]) => folderOrder.indexOf(a) - folderOrder.indexOf(b));
}

const suites = [
  { name: 'lint', run: lint },
  { name: 'recorder', run: recorder },
  { name: 'sanitize', run: sanitize },
  ...testFolders().map(([name, tests]) => ({ name, run: () => mocha(name, tests) })),
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`There is no test suite ${unknown.join(', ')}. The suites are: ${suites.map(({ name }) => name).join(', ')}.`);
  process.exit(64);
}

const total = { passed: 0, failed: 0 };
for (const suite of suites.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const started = performance.now();
  console.log(`\n== ${suite.name}`);
  const { passed, failed } = suite.run();
  total.passed += passed;
  total.failed += failed;
  console.log(`== ${suite.name}: ${failed} of ${passed + failed} failed, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
fs.rmSync(scratch, { recursive: true });

console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
