// The plan that the launcher gets, word by word.

import assert from 'node:assert/strict';
import { openRecording } from '../../../debug-adapter/recording';
import { plan } from '../../../debug-adapter/replay/plan';
import { parseReport } from '../../../debug-adapter/replay/reports';
import { root } from '../../support/fixture-programs';

const recording = openRecording(`${root}/fixtures/recordings/crashed-two-reactors.afterimage`);

describe('the plan', () => {
  it('names recording, reactor, modules and the words of the process', () => {
    assert.equal(
      plan(recording, { reactor: 1, program: '/tmp/my orders', waitDebugger: true }),
      [
        'afterimage-plan 1',
        `recording ${recording.directory}`,
        'reactor 1',
        'wait-debugger 1',
        'module exe 555555554000 8000 9f2c000102030405060708090a0b0c0d0e0f1011 /tmp/my orders',
        'module vdso 7ffff7fc1000 2000 - [vdso]',
        'at-random 000102030405060708090a0b0c0d0e0f',
        'fs 7ffff7d8a740',
        'brk 555555575000',
        '',
      ].join('\n'),
    );
  });
});

describe('a report of the replayer', () => {
  it('is read with its addresses and bytes', () => {
    const crash = parseReport('{"event":"crash","eventNumber":7,"signal":11,"code":1,"address":"0x10","rip":"0x55d0","rsp":"0x7ff0"}');
    assert.deepEqual(crash, { event: 'crash', eventNumber: 7, signal: 11, code: 1, address: 0x10n, rip: 0x55d0n, rsp: 0x7ff0n });
    const writes = parseReport('{"event":"writes","count":0,"last":-1,"first":-1,"before":"","after":"00ff"}');
    assert.deepEqual(writes, { event: 'writes', count: 0, last: -1, first: -1, before: Buffer.alloc(0), after: Buffer.of(0, 255) });
  });

  it('that is not understood is shown', () => {
    for (const line of ['', 'Segmentation fault', '{"event":"hello"}', '{"event":"stopped","position":-1,"reason":"target"}']) {
      assert.throws(() => parseReport(line), { code: 'report-not-understood' });
    }
  });
});
