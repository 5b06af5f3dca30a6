// Recordings that cannot be replayed, or not yet: one sentence each, and what can still be done with them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterimage } from '../../support/cli';
import { onlyRecordingIn, recordCrash, recordingsIn, startProgram } from '../../support/fixture-programs';

describe('a recording that is not replayed', function () {
  this.timeout(60_000);
  let scratch: string;
  let recorded: string;
  let copies = 0;

  before(async () => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-refused-'));
    recorded = await recordCrash('three-reactors', `${scratch}/recorded`);
  });
  after(() => fs.rmSync(scratch, { recursive: true }));

  /** A copy of the recording, changed. */
  function copy(change: (directory: string) => void): string {
    const directory = `${scratch}/${copies++}.afterimage`;
    fs.cpSync(recorded, directory, { recursive: true });
    change(directory);
    return directory;
  }

  async function refused(directory: string, says: RegExp, environment: NodeJS.ProcessEnv = {}): Promise<void> {
    const { code, stdout, stderr } = await afterimage(['replay', directory], environment);
    assert.match(stderr, says);
    assert.match(stderr, /^afterimage: [^\n]+\n$/);
    assert.deepEqual([code, stdout], [2, '']);
  }

  it('because no snapshot of the reactor is whole; its events can still be read', async () => {
    const directory = copy((d) => {
      for (const reactor of ['r0', 'r1', 'r2']) fs.truncateSync(`${d}/${reactor}/snap-000000000000.core`, 5000);
    });
    await refused(directory, /no usable snapshot of ledger, so it cannot be replayed; its events can still be read/);
    const { code, stdout } = await afterimage(['events', '--strict', '--count', '1', directory]);
    assert.deepEqual([code, /crashed/.test(stdout)], [3, true]);
  });

  it('but not because one snapshot claims the memory of the replayer itself: that one is left out', async () => {
    const directory = copy((d) => {
      const snapshot = fs.readFileSync(`${d}/r0/snap-000000000000.core`);
      const note = snapshot.indexOf('AFTRIMG\0') + 8; // FORMAT.md §5
      snapshot.writeBigUInt64LE(5n, note + 8);
      snapshot.writeBigUInt64LE(5n, note + 16);
      snapshot.writeBigUInt64LE(0x7f00_0000_0000n, note + 48);
      snapshot.writeBigUInt64LE(0xff_ffff_f000n, note + 56);
      fs.writeFileSync(`${d}/r0/snap-000000000005.core`, snapshot);
    });
    const question = ['--reactor', 'ledger', '--from', '6', '--to', '8', '--expression', 'journal_._M_impl._M_finish', '--json'];
    const [asked, ofWhole] = [await afterimage(['history', directory, ...question]), await afterimage(['history', recorded, ...question])];
    assert.deepEqual([asked.stderr, asked.code], ['', 0]);
    assert.deepEqual(JSON.parse(asked.stdout).values, JSON.parse(ofWhole.stdout).values);
  });

  it('because a library is another build', async () => {
    const directory = copy((d) => {
      const manifest = fs.readFileSync(`${d}/manifest.json`, 'utf8');
      const { modules } = JSON.parse(manifest) as { modules: { path: string; buildId: string }[] };
      const buildId = modules.find((module) => module.path.includes('libafterimage'))?.buildId ?? '';
      fs.writeFileSync(`${d}/manifest.json`, manifest.replace(buildId, 'dead'.repeat(10)));
    });
    await refused(directory, /libafterimage\.so.*recorded build-id (dead){10}, found [0-9a-f]{40}/);
  });

  it('because the launcher is not built', () =>
    refused(recorded, /afterimage-launch is not at \/nowhere\/launch\. Build it with/, { AFTERIMAGE_LAUNCH: '/nowhere/launch' }));

  it('because what starts the program does not speak to us', () =>
    refused(recorded, /The replayer ended unexpectedly \(exit code 0\)\./, { AFTERIMAGE_LAUNCH: '/bin/true' }));

  it('because its process still records; when that is killed, it is replayed', async () => {
    const directory = `${scratch}/live`;
    const child = startProgram('flight-board', directory, ['--start', '520000']); // beyond the flight at which it crashes
    const ended = once(child, 'exit');
    const control = () => recordingsIn(directory).map((name) => `${directory}/${name}/control`)[0] ?? '';
    const begun = () => fs.existsSync(directory) && fs.existsSync(control()) && eventsBegun(control()) > 100n;
    while (!begun() && child.exitCode === null) await new Promise(setImmediate);
    child.kill('SIGSTOP');
    const recording = onlyRecordingIn(directory);

    const { stdout } = await afterimage(['info', recording]);
    assert.match(stdout, /Ended +still running\n +State +live: the process is still recording\n/);
    await refused(recording, /Process \d+ is still recording\. Its events can be read now; .* afterimage pack\./);

    child.kill('SIGKILL');
    await ended;
    const summary = JSON.parse((await afterimage(['info', '--json', recording])).stdout);
    assert.deepEqual([summary.state, summary.crash], ['killed', null]);
    const replayed = await afterimage(['replay', recording]);
    assert.equal(replayed.code, 0, replayed.stderr + replayed.stdout);
  });
});

/** Of reactor 0, from the control file of a running process. */
function eventsBegun(control: string): bigint {
  const word = fs.readFileSync(control).subarray(4096, 4104);
  return word.length === 8 ? word.readBigUInt64LE() : 0n;
}
