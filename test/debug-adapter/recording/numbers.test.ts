import assert from 'node:assert/strict';
import { counted, grouped, ungrouped } from '../../../debug-adapter/recording';

describe('numbers for people', () => {
  it('are in groups of three digits', () => {
    assert.deepEqual([grouped(999), grouped(1691), grouped(12_345_678n)], ['999', '1,691', '12,345,678']);
    assert.deepEqual([counted(1, 'event'), counted(515_377, 'event')], ['1 event', '515,377 events']);
  });

  it('can be typed as they are shown', () => {
    assert.deepEqual(['515,377', '515377', '-1,000', '1,000-2,000'].map(ungrouped), ['515377', '515377', '-1000', '1000-2000']);
    assert.deepEqual(['1,2', '12,34', '1,2345', ',100'].map(ungrouped), ['1,2', '12,34', '1,2345', ',100']);
  });
});
