// afterimage snapshot: a running program takes the snapshots that it is asked for.

import assert from 'node:assert/strict';
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { openRecording, ungrouped } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { onlyRecordingIn, recordingsIn, root, startProgram, withDirectory } from '../../support/fixture-programs';

/** Until the reactor lives, which is when its first snapshot is there. */
async function recordingOf(child: ChildProcess, directory: string, events: number): Promise<string> {
  const hasBegun = () => {
    if (!fs.existsSync(directory) || recordingsIn(directory).length === 0) return false;
    const path = onlyRecordingIn(directory);
    if (!fs.existsSync(`${path}/manifest.json`) || !fs.existsSync(`${path}/control`)) return false;
    return (openRecording(path).reactors[0]?.finished ?? 0) >= events;
  };
  while (!hasBegun()) {
    assert.equal(child.exitCode ?? child.signalCode, null, 'the program has ended before it recorded anything');
    await setImmediate();
  }
  return onlyRecordingIn(directory);
}

async function withProgram(options: string[], use: (child: ChildProcess, recording: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const child = startProgram('page-writer', directory, ['--snapshot-bytes', '0', ...options]);
    try {
      await use(child, await recordingOf(child, directory, 1));
    } finally {
      const exit = once(child, 'exit');
      if (child.kill('SIGKILL')) await exit;
    }
  });
}

describe('afterimage snapshot', function () {
  this.timeout(60_000);

  for (const engine of ['stop', 'precopy', 'fork', 'cow-uffd', 'cow-mprotect']) {
    it(`is answered by a program whose engine is ${engine}`, async () => {
      await withProgram(['--engine', engine, '--rate', '2000'], async (child, recording) => {
        assert.deepEqual(openRecording(recording).snapshots(0).map(({ position }) => position), [0]); // prettier-ignore
        const { code, stdout, stderr } = await afterimage(['snapshot', '--json', String(child.pid)]);
        assert.deepEqual([code, stderr], [0, '']);
        const [{ id, position }] = JSON.parse(stdout).reactors;
        const positions = openRecording(recording).snapshots(0).map((snapshot) => snapshot.position); // prettier-ignore
        assert.deepEqual([id, positions], [0, [0, position]]);
        assert.ok(position > 0);
      });
    });
  }

  it('says when a reactor has no events', async () => {
    await withProgram(['--rate', '2000'], async (child, recording) => {
      child.kill('SIGSTOP');
      const stopped = openRecording(recording).reactors[0]!;
      const { code, stdout } = await afterimage(['snapshot', '--wait', '0', recording]);
      assert.deepEqual([code, stdout], [1, "writer: not yet. The snapshot follows the reactor's next event.\n"]);
      child.kill('SIGCONT');
      const later = await afterimage(['snapshot', '--reactor', 'writer', recording]);
      const position = Number(ungrouped(/^writer: there is a snapshot at position ([\d,]+)\.\n$/.exec(later.stdout)?.[1] ?? 'none'));
      assert.ok(position >= stopped.finished, later.stdout);
    });
  });

  it('is in the pack of a program that runs on, which replays as far as it goes', async () => {
    await withProgram(['--rate', '2000'], async (child, recording) => {
      const [{ position }] = JSON.parse((await afterimage(['snapshot', '--json', String(child.pid)])).stdout).reactors;
      const packed = `${recording}.mcap`;
      const cache = { XDG_CACHE_HOME: `${recording}-cache` };
      const { code, stdout, stderr } = await afterimage(['pack', '-o', packed, recording]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /The program goes on/);
      assert.equal(child.exitCode, null);
      const info = JSON.parse((await afterimage(['info', '--json', packed], cache)).stdout);
      assert.notEqual(info.copiedNs, null);
      assert.deepEqual([info.state, info.reactors[0].crashEvent], ['killed', null]);
      const replayed = JSON.parse((await afterimage(['replay', '--json', packed], cache)).stdout);
      assert.deepEqual([replayed.faithful, replayed.position], [true, info.reactors[0].endEvent]);
      assert.ok(replayed.position >= position);
    });
  });

  it('is not in a pack that has nowhere to go, which is said of a program that runs on, too', async () => {
    await withProgram(['--rate', '2000'], async (_, recording) => {
      const { code, stderr } = await afterimage(['pack', '-o', '/nowhere/x.mcap', recording]);
      assert.equal(code, 2);
      assert.match(stderr, /\/nowhere\/x\.mcap cannot be written: there is no directory \/nowhere\./);
    });
  });

  it('explains what it cannot ask', async () => {
    const missing = await afterimage(['snapshot', '4194305']);
    assert.deepEqual([missing.code, missing.stderr], [2, 'afterimage: There is no process 4194305. Check the number.\n']);
    const other = await afterimage(['snapshot', String(process.pid)]);
    assert.match(other.stderr, /^afterimage: Process \d+ makes no recording\. /);
    const ended = await afterimage(['snapshot', `${root}/fixtures/recordings/closed-every-record.afterimage`]);
    assert.match(ended.stderr, /does not run any more; its recording is closed/);
  });
});
