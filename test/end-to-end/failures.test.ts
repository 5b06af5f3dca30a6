// What goes wrong inside react() names itself in the recording, where it happens: memory that is used or freed although it is gone,
// assertions, exceptions that nobody catches, allocations that fail on purpose. The replay comes to the same place, and says the same.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { Client } from '../debug-adapter/session/client';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, root, withDirectory } from '../support/fixture-programs';
import { lineOf } from './support/flight-recording';

const EVENT = 50;
const source = fs.realpathSync(path.join(root, 'fixtures/programs/failures/clinic.cc'));

function record(directory: string, args: readonly string[], failing?: string): { bundle: string; signal: string | null; stdout: string } {
  const env = { ...process.env, ...(failing !== undefined && { AFTERIMAGE_FAIL_ALLOCATIONS: failing }) };
  const { signal, stdout } = spawnSync(programPath('failures'), ['--directory', directory, ...args], { encoding: 'utf8', env });
  return { bundle: onlyRecordingIn(directory), signal, stdout };
}

/** How the replay ends, and everything that it finds different on the way. */
async function replay(bundle: string) {
  const recording = openRecording(bundle);
  const replayer = Replayer.start(recording, { reactor: 0, program: programPath('failures') });
  try {
    await replayer.ready();
    const end = await replayer.run(recording.reactor(0).started);
    return { end: end.event, event: end.event === 'crash' ? end.eventNumber : undefined, divergences: replayer.divergences };
  } finally {
    replayer.kill();
    recording.close();
  }
}

function failuresOf(bundle: string) {
  const recording = openRecording(bundle);
  try {
    const found = [...recording.log(0).failed()].flatMap(({ number, failures }) =>
      failures.map(({ sentence }) => ({ event: number, sentence })),
    );
    assert.equal(recording.reactor(0).failures, found.length, 'the control file counts others than the log has');
    return found;
  } finally {
    recording.close();
  }
}

const use = /^use of freed memory: 0x[0-9a-f]+, in event 50 at Clinic::see_again\(.*; it was freed in event 50 at Clinic::fail\(/;
const again = /^double free: 0x[0-9a-f]+, in event 50 at .*; it was freed in event 50 at Clinic::fail\(/;
const exception = /^abort\(\) was called for an exception, std::runtime_error: no bed is free$/;
const assertion = /^assertion failed: patient == nullptr, in void Clinic::fail\(const Visit&\) \(.*clinic\.cc:\d+\)$/;
const range = /^assertion failed: __n < this->size\(\), in .*operator\[\]/;

const ways: [title: string, args: string[], signal: string | null, ...sentences: RegExp[]][] = [
  ['an access by a dangling SafePtr', ['dangling'], null, use],
  ['an access by a dangling SafePtr, to stop there', ['dangling', '--stop'], 'SIGABRT', use],
  ['a second delete', ['double-delete'], null, again],
  ['a second free', ['double-free'], null, again],
  ['a second free, to stop there', ['double-free', '--stop'], 'SIGABRT', again],
  ['a second free in a fast heap', ['double-free', '--fast'], null, /^double free: 0x[0-9a-f]+, in event 50 at Clinic::fail\(/],
  ['an assertion', ['assertion'], 'SIGABRT', assertion],
  ['an assertion of the C++ library', ['vector'], 'SIGABRT', range, /^abort\(\) was called$/],
  ['an exception that nobody catches', ['exception'], 'SIGABRT', exception],
  ['abort()', ['abort'], 'SIGABRT', /^abort\(\) was called$/],
  ['the program itself', ['note'], null, /^the beds do not add up$/],
];

describe('a failure inside react()', function () {
  this.timeout(60_000);

  for (const [title, [how, ...options], signal, ...sentences] of ways) {
    it(`by ${title}: the recording names it, and the replay comes to it`, () =>
      withDirectory(async (directory) => {
        const recorded = record(directory, ['--how', how!, ...options]);
        assert.equal(recorded.signal, signal);
        const failures = failuresOf(recorded.bundle);
        assert.deepEqual(failures.map(({ event }) => event), sentences.map(() => EVENT)); // prettier-ignore
        sentences.forEach((sentence, i) => assert.match(failures[i]!.sentence, sentence));
        const replayed = await replay(recorded.bundle);
        assert.deepEqual(replayed.divergences, []);
        assert.deepEqual([replayed.end, replayed.event], signal === null ? ['stopped', undefined] : ['crash', EVENT]);
      }));
  }

  it('not in a fast heap by a dangling pointer: it is a pointer there', () =>
    withDirectory(async (directory) => {
      const { bundle } = record(directory, ['--how', 'dangling', '--fast']);
      assert.deepEqual(failuresOf(bundle), []);
      assert.deepEqual((await replay(bundle)).divergences, []);
    }));

  it('not when all is well', () =>
    withDirectory(async (directory) => {
      const { bundle } = record(directory, []);
      assert.deepEqual(failuresOf(bundle), []);
      assert.deepEqual((await replay(bundle)).divergences, []);
    }));

  it('that the program notes itself: there is a snapshot behind it', () =>
    withDirectory(async (directory) => {
      const recording = openRecording(record(directory, ['--how', 'note']).bundle);
      const positions = recording.snapshots(0).map(({ position }) => position);
      recording.close();
      assert.deepEqual(positions, [0, EVENT + 1]);
    }));

  it('is in what info and events say', () =>
    withDirectory(async (directory) => {
      const { bundle } = record(directory, ['--how', 'assertion']);
      const { stdout } = await afterimage(['info', bundle]);
      assert.match(stdout.replace(/\s+/g, ' '), /1 failure inside react\(\) ! clinic, event 50: assertion failed: patient == nullptr/);
      const events = await afterimage(['events', bundle, '--from', String(EVENT)]);
      assert.match(events.stdout.replace(/\s+/g, ' '), /! assertion failed: patient == nullptr/);
    }));
});

describe('a session on a use of freed memory', function () {
  this.timeout(60_000);
  let client: Client;
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  it('stops at the guilty access, and says who freed it', () =>
    withDirectory(async (directory) => {
      const { bundle: recording } = record(directory, ['--how', 'dangling', '--stop']);
      await client.launch({ recording });
      const stopped = await client.continue();
      const guilty = stopped.frames.find(({ source: file }) => file?.path === source)!;
      assert.deepEqual([guilty.name, guilty.line], ['Clinic::see_again', lineOf(source, '// line: use')]);
      const { description } = (await client.dc.exceptionInfoRequest({ threadId: 1 })).body;
      assert.match(description!, /Use of freed memory: .*it was freed in event 50 at Clinic::fail.* The same as recorded/);
    }));
});

describe('allocations that fail on purpose', function () {
  this.timeout(60_000);
  for (const [failing, refused] of [
    ['nth=20', 1],
    ['probability=0.2,seed=3', 8],
    ['above=300', 52],
  ] as const) {
    it(`${failing}: the same ones fail in the replay`, () =>
      withDirectory(async (directory) => {
        const { bundle, stdout } = record(directory, [], failing);
        assert.equal(stdout, `refused ${refused}\n`);
        const failures = failuresOf(bundle);
        assert.ok(failures.length >= refused);
        for (const { sentence } of failures) assert.match(sentence, /^an allocation of \d+ bytes fails, as asked for/);
        assert.deepEqual(await replay(bundle), { end: 'stopped', event: undefined, divergences: [] });
      }));
  }
});
