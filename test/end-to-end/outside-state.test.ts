// State outside the reactor's heap: variables of libraries and threads, the floating-point mode, the processor, the locale.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { replayWorkload, withWorkload } from '../support/workloads';

const replayAll = (recording: Recording, force = false) =>
  replayWorkload(recording, recording.reactor(0), [recording.reactor(0).finished], force);

/** The recording with another manifest. */
async function withProcessor<T>(recording: Recording, change: (sets: string[]) => string[], use: (recording: Recording) => Promise<T>) {
  const file = `${recording.directory}/manifest.json`;
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as { processor: string[] };
  fs.writeFileSync(file, JSON.stringify({ ...manifest, processor: change(manifest.processor) }));
  const changed = openRecording(recording.directory);
  try {
    return await use(changed);
  } finally {
    changed.close();
  }
}

describe('state outside the heap', function () {
  this.timeout(120_000);

  it('of a C library that knows nothing of it replays: SQLite, from a snapshot in the middle', () =>
    withWorkload({ name: 'database' }, async (recording) => {
      const { finished } = recording.reactor(0);
      const middle = recording.snapshots(0).at(-1)!;
      assert.ok(middle.position > 0, 'there is only the first snapshot');
      const { divergences } = await replayWorkload(recording, recording.reactor(0), [finished, middle.position + 1, finished]);
      assert.deepEqual(divergences, []);
    }));

  it('is left out if one says so, and then missed', () =>
    withWorkload({ name: 'database', environment: { AFTERIMAGE_VARIABLES_OF: 'none' } }, async (recording) => {
      const replayer = Replayer.start(recording, { reactor: 0, program: recording.manifest.executable });
      try {
        await replayer.ready();
        await replayer.run(recording.reactor(0).finished); // it may crash: SQLite is not even initialised there
        assert.equal(replayer.divergences.length, 1);
      } finally {
        replayer.kill();
      }
    }));

  it('of a thread that did not run the reactor before is an input of the event', () =>
    withWorkload({ name: 'changing-threads' }, async (recording) => {
      const events = [...recording.log(0).events(0, recording.reactor(0).finished)];
      const changed = events.filter(({ threadState }) => threadState !== undefined);
      assert.ok(changed.length > events.length / 3, `${changed.length} of ${events.length} events came with another state`);
      assert.ok(new Set(changed.map(({ threadState }) => threadState!.mxcsr)).size > 1, 'the threads rounded alike');
      assert.deepEqual((await replayAll(recording)).divergences, []);
    }));

  it('that a single thread has is no input', () =>
    withWorkload({ name: 'thread-variables' }, async (recording) => {
      const events = [...recording.log(0).events(0, recording.reactor(0).finished)];
      assert.deepEqual(events.filter(({ threadState }) => threadState !== undefined).map(({ number }) => number), []); // prettier-ignore
      assert.ok(recording.snapshots(0).every(({ threadState }) => threadState!.variables.length > 0));
    }));

  it('is told with its locale', () =>
    withWorkload({ name: 'locales' }, async (recording) => {
      assert.match(recording.snapshots(0)[0]!.locale!.c, /C/);
      assert.deepEqual((await replayAll(recording)).divergences, []);
    }));
});

describe('on another processor', function () {
  this.timeout(120_000);
  // The C library computes sines in another way without these; every x86-64 machine of the last ten years has them.
  const lesser = { name: 'mathematics', environment: { GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F' } };

  it('a replay computes what was computed: what the recorded one did not have is not used', () =>
    withWorkload(lesser, async (recording) => {
      assert.ok(recording.manifest.processor?.includes('SSE4_2') && !recording.manifest.processor.includes('FMA'));
      assert.deepEqual((await replayAll(recording)).divergences, []);
    }));

  it('which would make a difference', function () {
    if (!/ fma /.test(fs.readFileSync('/proc/cpuinfo', 'latin1'))) this.skip();
    return withWorkload(lesser, (recording) =>
      withProcessor(
        recording,
        (sets) => [...sets, 'AVX2', 'FMA'],
        async (changed) => {
          const { divergences } = await replayAll(changed);
          assert.deepEqual(
            divergences.map(({ kind }) => kind),
            ['state'],
          );
        },
      ),
    );
  });

  it('a replay is refused if it lacks something that the recorded one had', () =>
    withWorkload({ name: 'mathematics' }, (recording) =>
      withProcessor(
        recording,
        (sets) => [...sets, 'FMA4', 'AVX512F', 'SSSE3'],
        async (changed) => {
          if (/ fma4 /.test(fs.readFileSync('/proc/cpuinfo', 'latin1'))) return;
          await assert.rejects(replayAll(changed), { code: 'lesser-processor', message: /does not have \((.*, )?FMA4/ });
          assert.deepEqual((await replayAll(changed, true)).divergences, []);
        },
      ),
    ));
});
