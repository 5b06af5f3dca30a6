// A reactor that asks the world for everything, with each event: its replays get the same answers, elsewhere and later.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import { openRecording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { programPath, recordCrash, withDirectory } from '../support/fixture-programs';

const recordings = 3;

/** Replays to the crash: from the beginning, and back by way of a snapshot in the middle. Compares with what was recorded. */
async function assertSameCrash(bundle: string): Promise<void> {
  const recording = openRecording(bundle);
  const crash = recording.crash!;
  const { crashEvent, id } = recording.crashedReactor()!;
  assert.ok(crashEvent! > 20);
  assert.ok(recording.snapshots(id).length >= 1);
  const replayer = Replayer.start(recording, { reactor: id, program: programPath('outside-world') });
  try {
    await replayer.ready();
    for (const position of [crashEvent!, Math.floor(crashEvent! / 2), crashEvent!]) {
      assert.deepEqual(await replayer.run(position), { event: 'stopped', position, reason: 'target' });
    }
    const end = await replayer.run(crashEvent! + 1);
    assert.ok(end.event === 'crash');
    assert.deepEqual([end.eventNumber, end.signal, end.address, end.rip], [crashEvent, crash.signal, crash.address, crash.rip]);
    assert.deepEqual([...replayer.divergences, ...replayer.warnings], []);
  } finally {
    replayer.kill();
    recording.close();
  }
}

/** Other answers than the recorded ones, should anybody ask. */
async function elsewhere(run: () => Promise<void>): Promise<void> {
  const { TZ, OUTSIDE_WORLD } = process.env;
  const directory = process.cwd();
  Object.assign(process.env, { TZ: 'Asia/Tokyo', OUTSIDE_WORLD: 'another' });
  process.chdir(os.tmpdir());
  try {
    await run();
  } finally {
    process.chdir(directory);
    for (const [name, value] of Object.entries({ TZ, OUTSIDE_WORLD })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

describe('a reactor that asks the world', function () {
  this.timeout(120_000);

  for (let i = 1; i <= recordings; i++) {
    it(`crashes the same in its replay, recording ${i} of ${recordings}`, () =>
      withDirectory(async (directory) => assertSameCrash(await recordCrash('outside-world', directory, ['--scratch', directory]))));
  }

  it('crashes the same where every event fills several segments of the log', () =>
    withDirectory(async (directory) => {
      const small = ['--segment-bytes', '4096', '--snapshot-log-bytes', '60000'];
      await assertSameCrash(await recordCrash('outside-world', directory, ['--scratch', directory, ...small]));
    }));

  it('crashes the same in another time zone, environment and directory, its files gone', () =>
    withDirectory(async (directory) => {
      const scratch = fs.mkdtempSync(`${directory}/scratch-`);
      const bundle = await recordCrash('outside-world', directory, ['--scratch', scratch, '--odds', '100']);
      fs.rmSync(scratch, { recursive: true });
      await elsewhere(() => assertSameCrash(bundle));
    }));
});
