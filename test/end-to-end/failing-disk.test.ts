// A recorder that cannot write is no reason to stop the program it records: it runs to its end, and the reason is said once.
//
// Full disks are small tmpfs mounts of several sizes, so that the disk is full at several moments: before the first snapshot, within
// it, between two segments. Mounting needs root, which CI is; without it those tests are pending.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { openRecording } from '../../debug-adapter/recording';
import { flightsFile, programPath, recordingsIn, withDirectory } from '../support/fixture-programs';

const events = 500_000; // fewer than the first one that damages memory

/** Runs flight-board to its end; what it had to say besides its own lines. */
async function complaintsOf(directory: string): Promise<string[]> {
  const args = [flightsFile, '--limit', String(events), '--directory', directory];
  const child = spawn(programPath('flight-board'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [said, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  assert.deepEqual({ code: code as unknown, signal: signal as unknown }, { code: 0, signal: null }, said);
  assert.match(said, new RegExp(`flight-board: ${events} events`));
  return said.split('\n').filter((line) => line !== '' && !line.startsWith('flight-board: '));
}

function assertOneReason(complaints: string[], reason: RegExp): void {
  assert.equal(complaints.length, 1, `the reason is to be said once:\n${complaints.join('\n')}`);
  assert.match(complaints[0]!, reason);
}

async function withDisk(size: string, use: (directory: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'afterimage-test', directory]);
    try {
      await use(directory);
    } finally {
      execFileSync('umount', [directory]);
    }
  });
}

describe('a recorder that cannot write', function () {
  this.timeout(120_000);

  const unwritable = [
    { title: 'a file in place of the directory', name: 'file', reason: /Not a directory|File exists/ },
    { title: 'a directory below a file', name: 'file/below', reason: /Not a directory/ },
  ];
  for (const { title, name, reason } of unwritable) {
    it(`${title}: the program runs on`, () =>
      withDirectory(async (directory) => {
        fs.writeFileSync(path.join(directory, 'file'), '');
        assertOneReason(await complaintsOf(path.join(directory, name)), reason);
      }));
  }

  it('a file system that takes no files: the program runs on', async () => {
    assertOneReason(await complaintsOf('/proc/self/recordings'), /\/proc\/self\/recordings/);
  });

  for (const size of ['64k', '1m', '12m', '20m', '44m']) {
    it(`a disk of ${size}: the program runs on, and what was written can be read`, async function () {
      if (process.getuid?.() !== 0) this.skip();
      await withDisk(size, async (directory) => {
        assertOneReason(await complaintsOf(directory), /No space left on device/);
        checkWhatWasWritten(directory);
      });
    });
  }

  it('a disk of 1g: there is nothing to complain about', async function () {
    if (process.getuid?.() !== 0) this.skip();
    await withDisk('1g', async (directory) => assert.deepEqual(await complaintsOf(directory), []));
  });
});

/** Whatever is there opens without a surprise, and says itself why it ends early. */
function checkWhatWasWritten(directory: string): void {
  for (const name of recordingsIn(directory).filter((name) => fs.existsSync(path.join(directory, name, 'manifest.json')))) {
    const recording = openRecording(path.join(directory, name));
    try {
      assert.match(recording.problems.join('\n'), /No space left on device/);
      for (const { id } of recording.reactors) assertReadable(recording.log(id));
    } finally {
      recording.close();
    }
  }
}

function assertReadable(log: ReturnType<ReturnType<typeof openRecording>['log']>): void {
  let expected = log.first;
  for (const event of log.events(log.first, log.end - log.first)) {
    assert.equal(event.number, expected++);
    assert.equal(event.payload.length, 24);
  }
}
