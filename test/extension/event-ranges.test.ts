import * as assert from 'node:assert/strict';
import { childrenOf, childWith, contains, type EventRange, isEvent, labelOf } from '../../extension/event-ranges';

const ranges: EventRange[] = [
  { from: 0, end: 1 },
  { from: 0, end: 100 },
  { from: 0, end: 101 },
  { from: 123_456, end: 123_999 },
  { from: 0, end: 500_000 },
  { from: 515_377, end: 3_000_000 },
];

describe('the events of a reactor as ranges', () => {
  it('a hundred events are shown without ranges between', () => {
    const children = childrenOf({ from: 700, end: 800 });
    assert.equal(children.length, 100);
    assert.ok(children.every(isEvent));
  });

  it('half a million events are fifty ranges of ten thousand', () => {
    const children = childrenOf({ from: 0, end: 500_000 });
    assert.equal(children.length, 50);
    assert.deepEqual(children[1], { from: 10_000, end: 20_000 });
  });

  it('ranges stay where they are when a live recording grows or loses its oldest events', () => {
    assert.deepEqual(childrenOf({ from: 150, end: 420 }), [
      { from: 150, end: 200 },
      { from: 200, end: 300 },
      { from: 300, end: 400 },
      { from: 400, end: 420 },
    ]);
  });

  for (const range of ranges) {
    it(`${labelOf(range)}: children cover it without gap or overlap, and there are few`, () => {
      const children = childrenOf(range);
      assert.equal(children[0]?.from, range.from);
      assert.equal(children.at(-1)?.end, range.end);
      children.slice(1).forEach((child, i) => assert.equal(child.from, children[i]?.end));
      assert.ok(children.length <= 101, `${children.length} children`);
    });

    it(`${labelOf(range)}: its last event is found by going down`, () => {
      const event = range.end - 1;
      let here = range;
      for (let depth = 0; !isEvent(here); depth++) {
        const next = childWith(here, event);
        assert.ok(contains(next, event) && childrenOf(here).some((child) => child.from === next.from && child.end === next.end));
        assert.ok(depth < 5);
        here = next;
      }
      assert.equal(here.from, event);
    });
  }

  it('labels count as people write numbers', () => {
    assert.equal(labelOf({ from: 7, end: 8 }), '#7');
    assert.equal(labelOf({ from: 10_000, end: 20_000 }), '#10,000 – #19,999');
  });
});
