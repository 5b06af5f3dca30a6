// afterimage verify: whether a recording is whole, and its replay what was recorded, in memory too; for scripts by its exit code.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { onlyRecordingIn, programPath, withDirectory } from '../../support/fixture-programs';

const STRAY_EVENT = 50;

/** A recording of the fixture that goes astray in event 50, with a snapshot a little later. */
function recordStray(how: string, directory: string): string {
  const args = ['--how', how, '--directory', directory, '--snapshot-at', '54'];
  assert.equal(spawnSync(programPath('stray'), args, { stdio: 'ignore' }).status, 0);
  return onlyRecordingIn(directory);
}

async function verifyJson(recording: string) {
  const { code, stdout, stderr } = await afterimage(['verify', '--json', recording]);
  assert.equal(stderr, '');
  return { code, document: JSON.parse(stdout) };
}

describe('afterimage verify', function () {
  this.timeout(120_000);

  it('ends with 0 when files, events and memory are as recorded', () =>
    withDirectory(async (directory) => {
      const recording = recordStray('', directory);
      const { code, document } = await verifyJson(recording);
      assert.deepEqual([code, document.faithful, document.problems], [0, true, []]);
      const [{ replay, memory }] = document.reactors;
      assert.deepEqual(memory, { snapshots: 1, differences: [], count: 0 });
      assert.deepEqual(replay.divergences, []);
      const { stdout } = await afterimage(['verify', recording]);
      assert.match(stdout, /Memory as in 1 snapshot on the way\./);
      assert.match(stdout, /1 reactor replayed as recorded\./);
    }));

  it('ends with 1 when a file is damaged, and names it', () =>
    withDirectory(async (directory) => {
      const recording = recordStray('', directory);
      const segment = path.join(recording, 'r0/ev-00000001.mcap');
      const bytes = fs.readFileSync(segment);
      bytes[bytes.indexOf('Order') + 1]! ^= 1; // in the name of the type: every event is read
      fs.writeFileSync(segment, bytes);
      const { code, document } = await verifyJson(recording);
      assert.deepEqual([code, document.faithful], [1, false]);
      assert.match(document.problems.join('\n'), /ev-00000001\.mcap/);
    }));

  it('ends with 1 when the replay goes another way, and says where', () =>
    withDirectory(async (directory) => {
      const { code, document } = await verifyJson(recordStray('global', directory));
      assert.deepEqual([code, document.faithful, document.problems], [1, false, []]);
      const [{ replay }] = document.reactors;
      assert.deepEqual(
        replay.divergences.map(({ eventNumber, call }: { eventNumber: number; call: string }) => [eventNumber, call]),
        [[STRAY_EVENT, 'printf']],
      );
    }));

  it('finds a wrong value on which nothing depends: event, page and field', () =>
    withDirectory(async (directory) => {
      const recording = recordStray('unseen', directory);
      const { code, document } = await verifyJson(recording);
      assert.deepEqual([code, document.faithful], [1, false]);
      const [{ replay, memory }] = document.reactors;
      assert.deepEqual([replay.divergences, memory.count], [[], 1]);
      const { event, place, recorded, replayed, words, from, to, page } = memory.differences[0];
      assert.deepEqual([event, place, recorded, replayed, words], [STRAY_EVENT, 'stray.unseen_', '0x39', '0x32', 1]);
      assert.ok(from <= STRAY_EVENT && STRAY_EVENT < to);
      const opened = openRecording(recording);
      assert.equal(BigInt(page), opened.reactor(0).object & ~4095n);
      opened.close();
      const { stdout } = await afterimage(['verify', recording]);
      assert.match(stdout.replace(/\s+/g, ' '), /was written in event 50: stray\.unseen_ \(page 0x\w+\): recorded 0x39, replayed 0x32/);
    }));

  it('says when no event of the replay has written what differs', () =>
    withDirectory(async (directory) => {
      const { code, document } = await verifyJson(recordStray('unwritten', directory));
      const { event, place, recorded, replayed } = document.reactors[0].memory.differences[0];
      assert.deepEqual([code, event, place, recorded, replayed], [1, null, 'stray.unseen_', '0x7', '0x0']);
    }));

  it('ends with 2 without the program that was recorded', () =>
    withDirectory(async (directory) => {
      const { code, stderr } = await afterimage(['verify', '--program', programPath('three-reactors'), recordStray('', directory)]);
      assert.equal(code, 2);
      assert.match(stderr, /build/);
    }));
});
