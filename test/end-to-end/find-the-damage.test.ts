// The story that the demo tells, checked: the three absurd records are in the data, the first of them damages a neighbour, the crash
// comes thousands of events later, and one question finds the event.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { flightBytes, flightsFile, programPath, recordCrash, withDirectory } from '../support/fixture-programs';

const DELAY_OFFSET = 8; // struct Flight in fixtures/programs/flight-board/flight.h
const ORIGIN_OFFSET = 16;
const EARLIEST_SANE_DELAY = -90;
const VIRTUAL_TABLE_BYTES = 8;

const delayOf = (flight: Buffer) => flight.readInt32LE(DELAY_OFFSET);
const originOf = (flight: Buffer) => flight.toString('latin1', ORIGIN_OFFSET, ORIGIN_OFFSET + 3);

function absurdRecords(): { number: number; delay: number }[] {
  const flights = fs.readFileSync(flightsFile);
  const found = [];
  for (let at = 0; at < flights.length; at += flightBytes) {
    const delay = flights.readInt32LE(at + DELAY_OFFSET);
    if (delay < EARLIEST_SANE_DELAY) found.push({ number: at / flightBytes, delay });
  }
  return found;
}

/** Who wrote to the eight bytes at `address` before an event. */
async function lastWrite(recording: Recording, address: bigint, before: number) {
  const replayer = Replayer.start(recording, { reactor: 0, program: programPath('flight-board') });
  try {
    await replayer.ready();
    const writes = await replayer.lastWrite(address, VIRTUAL_TABLE_BYTES, before);
    assert.ok(writes.event === 'writes', 'the crash came first');
    return writes;
  } finally {
    replayer.kill();
  }
}

describe('finding the damage in flight-board', function () {
  this.timeout(60_000);

  it('the data are what they are said to be', () => {
    assert.equal(fs.statSync(flightsFile).size, 3_000_000 * flightBytes);
    assert.deepEqual(absurdRecords(), [
      { number: 515_377, delay: -212 },
      { number: 869_088, delay: -953 },
      { number: 949_801, delay: -1116 },
    ]);
  });

  it('leads from an innocent crash to the event that did it, thousands of events before', () =>
    withDirectory(async (directory) => {
      const recording = openRecording(await recordCrash('flight-board', directory));
      try {
        const { event: crashEvent, registers } = recording.crash!;
        const brokenObject = registers.get('rdi')!; // `this` of the virtual call that failed
        const { last, count, before, after } = await lastWrite(recording, brokenObject, crashEvent!);
        assert.equal(last, absurdRecords()[0]!.number);
        assert.equal(count, 1, 'nothing else has ever changed that virtual-table pointer');
        assert.equal(after.readBigUInt64LE() - before.readBigUInt64LE(), 1n << 32n, 'its upper half is one too high');

        const log = recording.log(0);
        assert.equal(delayOf(log.event(last).payload), -212);
        assert.notEqual(originOf(log.event(last).payload), originOf(log.event(crashEvent!).payload), 'the crash is somewhere innocent');
        assert.ok(crashEvent! - last > 2000, `only ${crashEvent! - last} events between damage and crash`);
      } finally {
        recording.close();
      }
    }));
});
