import * as assert from 'node:assert/strict';
import { describeDuration, describeEvent, describePayload, hexDump } from '../../extension/event-text';
import type { RecordedEvent } from '../../debug-adapter/recording';

const type = { id: 16, name: 'Flight', thunk: 0n, codec: 'trivial', bytes: 4, align: 4 };
const done = { durationNs: 1_234, threw: false, allocations: 0n, outbound: 0n };
const event: RecordedEvent = {
  number: 7,
  type,
  timeNs: 1_700_000_000_123_456_789n,
  payload: Buffer.from('SFO\0JFK'),
  done,
  foreignFrees: [],
  sender: undefined,
  sent: [],
  failures: [],
};

const reactor = { crashEvent: undefined, finished: 7 };

describe('an event in words', () => {
  it('a row has the type and the time that react() took', () => {
    assert.equal(describeEvent(event, reactor), 'Flight, 1.23 µs');
  });

  it('a row says when react() threw, did not return, or crashed', () => {
    assert.equal(describeEvent({ ...event, done: { ...done, threw: true } }, reactor), 'Flight, 1.23 µs, threw');
    assert.equal(describeEvent({ ...event, done: undefined }, reactor), 'Flight, not finished');
    assert.equal(describeEvent({ ...event, done: undefined }, { ...reactor, crashEvent: 7 }), 'Flight, crashed');
  });

  it('a core dump does not say how long react() took', () => {
    assert.equal(describeEvent({ ...event, done: undefined }, { ...reactor, finished: 8 }), 'Flight');
  });

  it('durations are read at a glance', () => {
    assert.deepEqual([999, 1_000, 45_600, 2_500_000].map(describeDuration), ['999 ns', '1.00 µs', '45.6 µs', '2.50 ms']);
  });

  it('the tooltip has the time to the nanosecond and the bytes', () => {
    assert.equal(
      describePayload(event),
      '**Flight** · 7 bytes · 2023-11-14 22:13:20.123456789 UTC\n\n' +
        '```text\n0000  53 46 4f 00 4a 46 4b                             SFO.JFK\n```',
    );
  });

  it('the tooltip has the value, too, where its type is known', () => {
    assert.match(describePayload(event, '{code = 7}'), /UTC\n\n```cpp\n\{code = 7\}\n```\n\n```text\n0000 /);
  });

  it('a long payload is cut, and the tooltip says so', () => {
    assert.match(describePayload({ ...event, payload: Buffer.alloc(1_000) }), /\n\.\.\. 744 bytes more\n/);
  });

  it('a hex dump has sixteen bytes a line', () => {
    assert.equal(hexDump(Buffer.alloc(33)).split('\n').length, 3);
  });
});
