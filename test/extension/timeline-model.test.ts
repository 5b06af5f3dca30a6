import * as assert from 'node:assert/strict';
import * as path from 'node:path';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { type Stretch, TimelineModel } from '../../extension/timeline-model';
import { root } from '../support/fixture-programs';

describe('the timeline', () => {
  let recording: Recording;
  let model: TimelineModel;

  before(() => {
    recording = openRecording(path.join(root, 'fixtures/recordings/crashed-two-reactors.afterimage'));
    model = new TimelineModel(recording);
  });
  after(() => recording.close());

  const timeOf = (reactor: number, event: number) => Number(recording.log(reactor).event(event).timeNs - model.startNs);
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const countsOf = (stretch: Stretch) => model.lanes(stretch).map(({ counts }) => sum(counts));

  it('has a lane for each reactor, from the first event of all to the last', () => {
    assert.deepEqual(model.lanes(model.whole).map(({ name }) => name), ['shop', 'audit']); // prettier-ignore
    assert.equal(Math.min(timeOf(0, 0), timeOf(1, 0)), 0);
    assert.deepEqual(model.whole, { from: 0, to: Math.max(timeOf(0, recording.log(0).end - 1), timeOf(1, recording.log(1).end - 1)) });
  });

  it('counts every event once, in the whole and in parts of it', () => {
    const numbers = [0, 1].map((id) => recording.log(id).end - recording.log(id).first);
    assert.deepEqual(countsOf(model.whole), numbers);
    const middle = timeOf(0, 4);
    const parts = [countsOf({ from: 0, to: middle }), countsOf({ from: middle + 1, to: model.whole.to })];
    assert.deepEqual(parts[0]!.map((count, i) => count + parts[1]![i]!), numbers); // prettier-ignore
    assert.equal(parts[0]![0], 5);
  });

  it('marks the crash, and what somebody looks at', () => {
    const { crashEvent } = recording.crashedReactor()!;
    const [lane] = model.lanes(model.whole);
    assert.deepEqual(lane!.marks.filter(({ kind }) => kind === 'crash'), [{ kind: 'crash', event: crashEvent, at: timeOf(0, crashEvent!) }]); // prettier-ignore
    assert.deepEqual(model.mark('here', 0, 3), { kind: 'here', event: 3, at: timeOf(0, 3) });
    assert.equal(model.mark('here', 0, 99), undefined);
    assert.equal(model.mark('here', 7, 0), undefined);
  });

  it('finds the event of a time', () => {
    for (const event of [0, 3, 7]) assert.equal(model.eventAt(0, timeOf(0, event)), event);
    assert.equal(model.eventAt(0, timeOf(0, 3) - 1), 2);
    assert.equal(model.eventAt(0, -1), 0);
    assert.equal(model.eventAt(0, model.whole.to * 2), recording.log(0).end - 1);
  });
});
