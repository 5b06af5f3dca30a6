// A replay that goes another way is noticed at the very event. The other way is simulated in the recording: the allocation
// fingerprint of one event is changed there, so the replay, which is right, must say that this event differs.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { programPath, recordCrash, withDirectory } from '../support/fixture-programs';

const FINGERPRINT_OFFSET = 8; // in the data of a `done` record (FORMAT.md, section 4)
const OUTBOUND_OFFSET = 16;
const EVENT_OFFSET = 24;

/** Where in the segments the `done` of an event is: its fields are known, so its bytes are. */
function findDone(directory: string, event: number, fingerprint: bigint): { file: string; at: number } {
  const wanted = Buffer.alloc(8);
  wanted.writeBigUInt64LE(fingerprint);
  for (const name of fs.readdirSync(directory).filter((name) => name.endsWith('.mcap'))) {
    const file = path.join(directory, name);
    const bytes = fs.readFileSync(file);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
      const start = at - FINGERPRINT_OFFSET;
      if (bytes.readBigUInt64LE(start + EVENT_OFFSET) === BigInt(event)) return { file, at: start };
    }
  }
  throw new Error(`no done record of event ${event} with fingerprint ${fingerprint}`);
}

function flipBit({ file, at }: { file: string; at: number }, offset: number): void {
  const descriptor = fs.openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(descriptor, byte, 0, 1, at + offset);
  byte[0]! ^= 1;
  fs.writeSync(descriptor, byte, 0, 1, at + offset);
  fs.closeSync(descriptor);
}

async function divergencesOf(directory: string, name: string, reactor: string) {
  const recording = openRecording(directory);
  const { id, finished } = recording.reactor(reactor);
  const replayer = Replayer.start(recording, { reactor: id, program: programPath(name) });
  try {
    await replayer.ready();
    await replayer.run(0);
    await replayer.run(finished);
    return replayer.divergences.map(({ eventNumber, kind }) => ({ eventNumber, kind }));
  } finally {
    replayer.kill();
    recording.close();
  }
}

/** Records, changes the `done` of one event, replays. */
async function divergencesAfterChange(name: string, reactor: string, offset: number, share: number) {
  return withDirectory(async (directory) => {
    const bundle = await recordCrash(name, directory, ['--seed', '2']);
    const recording = openRecording(bundle);
    const { id, finished } = recording.reactor(reactor);
    const event = Math.floor(finished * share);
    const fingerprint = recording.log(id).event(event).done!.allocations;
    recording.close();
    flipBit(findDone(path.join(bundle, `r${id}`), event, fingerprint), offset);
    return { event, divergences: await divergencesOf(bundle, name, reactor) };
  });
}

describe('a divergence', function () {
  this.timeout(60_000);

  for (const share of [0, 0.5, 0.99]) {
    it(`of the allocations is named with its event, ${share * 100} % into the log`, async () => {
      const { event, divergences } = await divergencesAfterChange('plugin-host', 'shop', FINGERPRINT_OFFSET, share);
      assert.deepEqual(divergences[0], { eventNumber: event, kind: 'allocation' });
    });
  }

  it('of what was sent to another reactor is named with its event', async () => {
    const { event, divergences } = await divergencesAfterChange('three-reactors', 'gateway', OUTBOUND_OFFSET, 0.5);
    assert.deepEqual(divergences[0], { eventNumber: event, kind: 'outbound' });
  });
});
