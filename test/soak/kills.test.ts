// kill -9 at any moment: the recording opens, and every event that react() was given is in it, byte for byte.
//
// The program itself notes in a file how many events its reactor has begun, as the first thing in react(). The moment is chosen in
// events: the test waits until that many have begun. `npm run soak -- 1 200` kills 200 times.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import {
  flightBytes,
  flightsFile,
  onlyRecordingIn,
  programPath,
  repetitions,
  startProgram,
  withDirectory,
} from '../support/fixture-programs';
import { begunEvents, killAfter } from '../support/kill-process';

const kills = repetitions('AFTERIMAGE_KILLS', 20);
const latestKill = 400_000; // the first event that damages memory is 515,377
const checkedEvents = 1000; // the last ones: those that were on their way when the process died

function checkEvents(recording: Recording, begun: number): void {
  const log = recording.log(0);
  assert.equal(log.first, 0);
  assert.ok(log.end >= begun, `react() had begun ${begun} events, the recording ends at ${log.end}`);
  assert.ok(log.end <= begun + 1, `react() had begun only ${begun} events, the recording holds ${log.end}`);
  const from = Math.max(0, log.end - checkedEvents);
  const flights = flightsFrom(from, log.end - from);
  let number = from;
  for (const event of log.events(from, log.end - from)) {
    const offset = (number - from) * flightBytes;
    assert.deepEqual(event.payload, flights.subarray(offset, offset + flightBytes), `event ${number} is not flight ${number}`);
    number++;
  }
  assert.equal(number, log.end);
}

function flightsFrom(first: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * flightBytes);
  const file = fs.openSync(flightsFile, 'r');
  assert.equal(fs.readSync(file, bytes, 0, bytes.length, first * flightBytes), bytes.length);
  fs.closeSync(file);
  return bytes;
}

/** The events that were recorded can also be replayed, down to the last one that ended. */
async function checkReplay(recording: Recording): Promise<void> {
  const { finished } = recording.reactor(0);
  const replayer = Replayer.start(recording, { reactor: 0, program: programPath('flight-board') });
  try {
    await replayer.ready();
    assert.deepEqual(await replayer.run(finished), { event: 'stopped', position: finished, reason: 'target' });
    assert.deepEqual(replayer.divergences, []);
  } finally {
    replayer.kill();
  }
}

async function checkKill(directory: string): Promise<void> {
  const begunFile = path.join(directory, 'begun');
  const target = 1 + Math.floor(Math.random() * latestKill);
  await killAfter(startProgram('flight-board', directory, ['--begun', begunFile]), begunFile, target);
  const recording = openRecording(onlyRecordingIn(directory));
  try {
    assert.equal(recording.state, 'killed');
    checkEvents(recording, begunEvents(begunFile));
    await checkReplay(recording);
  } finally {
    recording.close();
  }
}

describe('kill -9', function () {
  this.timeout(0);

  it(`loses no event that had begun, at ${kills} random moments`, async () => {
    const failures: string[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      await withDirectory(checkKill).catch((error: Error) => failures.push(`kill ${kill}: ${error.message}`));
    }
    assert.deepEqual(failures, [], `${failures.length} of ${kills} recordings are not whole`);
  });
});
