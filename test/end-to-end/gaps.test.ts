// A program that would rather lose events than wait for the log: the recording names what is missing, everywhere, and a replay goes
// over the gaps by way of the snapshots behind them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, withDirectory } from '../support/fixture-programs';

const events = 20_000;

function record(directory: string): string {
  const hurry = ['--no-wait', '--segment-bytes', '4096', '--events', String(events)]; // a segment is full before the next is prepared
  const { status, stderr } = spawnSync(programPath('page-writer'), [...hurry, '--directory', directory], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return onlyRecordingIn(directory);
}

/** To the last event that was logged. The program checks its pages in react(), and so does its replay. */
async function replayAll(recording: Recording, end: number): Promise<void> {
  const replayer = Replayer.start(recording, { reactor: 0, program: programPath('page-writer') });
  try {
    await replayer.ready();
    assert.deepEqual(await replayer.run(end), { event: 'stopped', position: end, reason: 'target' });
    assert.deepEqual(replayer.divergences, []);
  } finally {
    replayer.kill();
  }
}

describe('a log that the program does not wait for', function () {
  this.timeout(120_000);

  it('has gaps that are named, and replays over them', () =>
    withDirectory(async (directory) => {
      const path = record(directory);
      const recording = openRecording(path);
      try {
        const log = recording.log(0);
        assert.deepEqual([log.first, log.end], [0, events]);
        const logged = [...log.events(0, events)];
        assert.ok(logged.length > 0 && logged.length < events, `${logged.length} events are logged`);
        assert.match(
          recording.verify().join('\n'),
          /^Events? \d+.* (is|are) lost: events came faster than event segments could be prepared\.$/m,
        );
        await replayAll(recording, logged.at(-1)!.number + 1);
        const { code, stdout } = await afterimage(['info', '--verify', path]);
        assert.match(stdout.replaceAll(/\s+/g, ' '), /lost: events came faster/);
        assert.equal(code, 0);
      } finally {
        recording.close();
      }
    }));
});
