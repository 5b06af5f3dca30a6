// kill -9 while snapshots are made, with every engine: one complete snapshot and every event since, always; and the newest
// snapshot is the memory of one moment.
//
// The program writes pages as fast as it can and checks in react() that its pages agree, which it does in the replay as well.
import assert from 'node:assert/strict';
import * as path from 'node:path';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { onlyRecordingIn, programPath, repetitions, startProgram, withDirectory } from '../support/fixture-programs';
import { begunEvents, killAfter } from '../support/kill-process';

const engines = [['stop'], ['precopy'], ['precopy', '--deltas', '--spread', '200'], ['fork'], ['cow-uffd'], ['cow-mprotect']] as const;
const kills = Math.max(1, Math.round(repetitions('AFTERIMAGE_KILLS', 10) / engines.length));
const latestKill = 60_000;
const eventsBetweenChecks = 256; // of the program, in react()

function checkWhole(recording: Recording, begun: number): void {
  const log = recording.log(0);
  const snapshots = recording.snapshots(0);
  assert.ok(snapshots.length > 0, 'there is no complete snapshot');
  assert.ok(log.first <= snapshots[0]!.position, `events begin at ${log.first}, behind the snapshot at ${snapshots[0]!.position}`);
  assert.ok(log.end >= begun, `react() had begun ${begun} events, the recording ends at ${log.end}`);
  let number = log.first;
  for (const _event of log.events(log.first, log.end - log.first)) number++;
  assert.equal(number, log.end, 'an event is missing');
  assert.deepEqual(recording.problems, []);
}

/** From the first snapshot to the end, and from the later ones far enough for react() to check its pages. */
async function checkReplay(recording: Recording): Promise<void> {
  const { finished } = recording.reactor(0);
  const replayer = Replayer.start(recording, { reactor: 0, program: programPath('page-writer') });
  const runTo = async (position: number) =>
    assert.deepEqual(await replayer.run(position), { event: 'stopped', position, reason: 'target' });
  try {
    await replayer.ready();
    await runTo(finished);
    for (const { position } of recording.snapshots(0).slice(-5).reverse()) {
      await runTo(position);
      await runTo(Math.min(finished, position + 2 * eventsBetweenChecks));
    }
    assert.deepEqual(replayer.divergences, []);
  } finally {
    replayer.kill();
  }
}

async function checkKill(directory: string, engine: string, options: readonly string[]): Promise<void> {
  const begunFile = path.join(directory, 'begun');
  const target = 1 + Math.floor(Math.random() * latestKill);
  const child = startProgram('page-writer', directory, ['--engine', engine, '--begun', begunFile, ...options]);
  await killAfter(child, begunFile, target);
  const recording = openRecording(onlyRecordingIn(directory));
  try {
    assert.equal(recording.manifest.snapshotEngine, engine);
    checkWhole(recording, begunEvents(begunFile));
    await checkReplay(recording);
  } finally {
    recording.close();
  }
}

describe('kill -9 during a snapshot', function () {
  this.timeout(0);

  for (const [engine, ...options] of engines) {
    it(`leaves a snapshot and all events since, ${kills} times with ${[engine, ...options].join(' ')}`, async () => {
      const failures: string[] = [];
      for (let kill = 1; kill <= kills; kill++) {
        await withDirectory((directory) => checkKill(directory, engine, options)).catch((error: Error) =>
          failures.push(`kill ${kill}: ${error.message}`),
        );
      }
      assert.deepEqual(failures, [], `${failures.length} of ${kills} recordings are not whole`);
    });
  }
});
