import * as assert from 'node:assert/strict';
import { crashNeedsAnswer, foundAnswer, heapCallsAnswer, historyAnswer, lastWriteAnswer, whatIfAnswer } from '../../extension/answers';

describe('an answer in words', () => {
  it('where something is so: the events', () => {
    const event = { number: 515_377, type: 'Flight', timeNs: '1700000000123456789', value: '1' };
    assert.deepEqual(foundAnswer({ expression: 'delay < -90', events: [event], faithful: true }), {
      question: 'delay < -90',
      summary: 'after 1 event',
      rows: [{ event: 515_377, label: '#515,377', description: 'Flight, 22:13:20.123' }],
      faithful: true,
    });
  });

  it('where something never is so', () => {
    const { summary, rows } = foundAnswer({ expression: 'delay < -5000', events: [], faithful: true });
    assert.deepEqual([summary, rows], ['after no event', []]);
  });

  it('which events the crash needs: of how many', () => {
    const events = [{ number: 515_377, type: 'Flight', timeNs: '1700000000123456789' }];
    const { question, summary, rows } = crashNeedsAnswer({ events, of: 519_359, minimal: false });
    assert.deepEqual([question, summary], ['what the crash needs', '1 event of 519,359, perhaps fewer']);
    assert.deepEqual(rows, [{ event: 515_377, label: '#515,377', description: 'Flight, 22:13:20.123' }]);
  });

  it('the history of a value: what it was before, and after each event that changed it', () => {
    const values = [
      { event: null, value: '0' },
      { event: 1_000, value: '-7' },
    ];
    const { summary, rows } = historyAnswer({ expression: 'x', changes: 1, values, faithful: true });
    assert.equal(summary, 'changed by 1 event');
    assert.deepEqual(
      rows.map(({ event, label, description }) => [event, label, description]),
      [
        [undefined, 'before', '0'],
        [1_000, '#1,000', '-7'],
      ],
    );
  });

  it('who wrote a number: the event, and the number before and after', () => {
    const answer = lastWriteAnswer({ expression: 'x', bytes: 4, event: 9, before: '01000000', after: 'fe010000' });
    assert.deepEqual([answer.question, answer.summary], ['who wrote x', 'event 9']);
    assert.equal(answer.rows[0]!.description, '1 → 510');
  });

  it('who wrote an address', () => {
    const answer = lastWriteAnswer({ expression: 'p', bytes: 8, event: 9, before: '0000000000000000', after: '005a054400400000' });
    assert.equal(answer.rows[0]!.description, '0 → 0x400044055a00');
  });

  it('who wrote something longer: its first bytes, as they lie in memory', () => {
    const answer = lastWriteAnswer({ expression: 'x', bytes: 9, event: 9, before: '000102030405060708', after: 'ff0102030405060708' });
    assert.equal(answer.rows[0]!.description, '00 01 02 03 04 05 06 07 … → ff 01 02 03 04 05 06 07 …');
  });

  it('nobody wrote it', () => {
    const { summary, rows } = lastWriteAnswer({ expression: 'x', bytes: 4, event: null });
    assert.deepEqual([summary, rows], ['no event before', []]);
  });

  it('who allocated and freed it: the newest call first, with who called that', () => {
    const place = (name: string, line: number) => ({ function: name, file: '/src/session.cc', line, module: 'server' });
    const calls = [
      { event: 3, what: 'allocated', bytes: 48, places: [place('Sessions::react', 32)] },
      { event: 9, what: 'freed', bytes: 48, places: [place('~Session', 15), place('Sessions::react', 35)] },
      { event: 11, what: 'freed', bytes: 48, places: [] },
      { event: 12, what: 'allocated', bytes: 48, places: [{ function: 'make', file: '', line: 0, module: 'server' }] },
    ];
    const { question, summary, rows } = heapCallsAnswer({ expression: 'last_', count: 4, calls, faithful: true });
    assert.deepEqual([question, summary], ['who allocated last_', '4 calls']);
    assert.deepEqual(rows.map(({ event, label, description }) => [event, label, description]), [
      [12, '#12', 'allocated, 48 bytes, in make (server)'],
      [11, '#11', 'freed, 48 bytes, outside of react()'],
      [9, '#9', 'freed, 48 bytes, in ~Session (session.cc:15), from Sessions::react'],
      [3, '#3', 'allocated, 48 bytes, in Sessions::react (session.cc:32)'],
    ]); // prettier-ignore
    assert.equal(heapCallsAnswer({ expression: '*this', count: 0, calls: [], faithful: true }).summary, 'neither allocated nor freed');
  });

  it('what would have been: whether it crashes, and where', () => {
    const without = { event: 515_377, set: null, text: null, crash: null, position: 519_359, end: 519_359, warnings: 0 };
    const { question, summary, rows } = whatIfAnswer(without);
    assert.deepEqual([question, summary], ['without #515,377', 'does not crash']);
    assert.deepEqual(rows, [{ event: 515_377, label: '#515,377', description: 'left out' }]);
    assert.equal(whatIfAnswer({ ...without, position: 9 }).summary, 'no crash up to event 9; what follows could not be replayed');
  });

  it('what would have been, had the event brought something else', () => {
    const crash = { event: 519_358, signal: 'SIGSEGV', isSame: true };
    const changed = { event: 7, set: 'price = 0', text: '{price = 0}', crash, position: 519_358, end: 519_359, warnings: 0 };
    const { question, summary, rows } = whatIfAnswer(changed);
    assert.deepEqual([question, summary], ['#7 with price = 0', 'crashes all the same']);
    assert.deepEqual(rows.map(({ description }) => description), ['{price = 0}', 'SIGSEGV, as recorded']); // prettier-ignore
    const elsewhere = whatIfAnswer({ ...changed, crash: { ...crash, event: 1000, isSame: false }, warnings: 1 });
    assert.equal(elsewhere.summary, 'crashes elsewhere, in event 1,000; 1 warning: what was not recorded took part');
  });
});
