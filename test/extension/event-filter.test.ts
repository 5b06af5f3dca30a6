import * as assert from 'node:assert/strict';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import {
  describeFilter,
  describeMatches,
  type EventFilter,
  listed,
  looksLikeExpression,
  matchesIn,
  within,
} from '../../extension/event-filter';
import { allEvents, labelIn, someEvents } from '../../extension/event-list';
import { root } from '../support/fixture-programs';

const atOnce = async (): Promise<void> => undefined;

describe('a filter of the events list', () => {
  async function matching(filter: EventFilter, name = 'closed-every-record') {
    const recording = openRecording(path.join(root, 'fixtures/recordings', `${name}.afterimage`));
    try {
      return await matchesIn(recording.log(0), filter, atOnce);
    } finally {
      recording.close();
    }
  }

  it('takes a type', async () => assert.deepEqual(await matching({ type: 'shop::Order' }), { numbers: [0], of: 3 }));

  it('takes a text in the bytes of an event, or in its type, whatever the case', async () => {
    assert.deepEqual((await matching({ text: 'cancel 7' })).numbers, [1]);
    assert.deepEqual((await matching({ text: 'SHOP::' })).numbers, [0, 1]);
    assert.deepEqual((await matching({ text: 'no such text' })).numbers, []);
  });

  it('takes both', async () => {
    assert.deepEqual((await matching({ text: 'shop', type: 'shop::Cancel' })).numbers, [1]);
    assert.deepEqual((await matching({ text: 'cancel', type: 'shop::Order' })).numbers, []);
  });

  it('takes what went wrong in an event', async () => {
    assert.deepEqual((await matching({ text: 'Double Free' }, 'failures-inside')).numbers, [1]);
    assert.deepEqual((await matching({ text: 'double free', type: 'shop::Cancel' }, 'failures-inside')).numbers, []);
  });

  it('keeps what is in the stretches that a replay has found', () => {
    const matches = { numbers: [1, 3, 4, 9, 12], of: 20 };
    assert.deepEqual(within(matches, [[0, 4], [5, 9], [12, 13]]).numbers, [1, 3, 12]); // prettier-ignore
    assert.deepEqual(within(matches, []).numbers, []);
  });

  it('is said in words', () => {
    assert.equal(describeFilter({ type: 'Flight', expression: 'flight.delay_minutes < -90' }), 'Flight where flight.delay_minutes < -90');
    assert.equal(describeFilter({ text: 'PHX' }), 'events with “PHX”');
    assert.equal(describeMatches([{ numbers: [1], of: 519_360 }, { numbers: [2, 3], of: 1 }]), '3 of 519,361 events'); // prettier-ignore
    assert.equal(describeMatches([{ numbers: [1], of: 20, crash: 20 }]), '1 of 20 events, and the one that crashed');
    assert.deepEqual(listed({ numbers: [1], of: 20, crash: 20 }), [1, 20]);
  });

  it('knows an expression by its looks', () => {
    for (const typed of ['flight.delay_minutes < -90', 'order.id', 'total_ == 3', 'p->next']) assert.ok(looksLikeExpression(typed), typed);
    for (const typed of ['PHX', 'assertion failed', 'flight']) assert.ok(!looksLikeExpression(typed), typed);
  });
});

describe('the events that are listed', () => {
  it('are found by their place, and their place by them', () => {
    const all = allEvents(100, 200);
    assert.deepEqual([all.eventAt(150), all.placeOf(150), all.placeOf(200)], [150, 150, undefined]);
    const some = someEvents([7, 100, 5000]);
    assert.deepEqual([some.eventAt(2), some.placeOf(100), some.placeOf(101), some.placeOf(9999)], [5000, 1, undefined, undefined]);
  });

  it('are named by their numbers, a range by its first and last', () => {
    const some = someEvents([7, 100, 5000]);
    assert.equal(labelIn(some, { from: 1, end: 2 }), '#100');
    assert.equal(labelIn(some, some.range), '#7 – #5,000');
    assert.equal(labelIn(allEvents(0, 300), { from: 100, end: 200 }), '#100 – #199');
  });
});
