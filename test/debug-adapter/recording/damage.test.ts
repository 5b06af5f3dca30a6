// Damage never ends in an exception that is not meant for the user, in a hang, or in memory that a header asked for.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openRecording, type Recording, UserError } from '../../../debug-adapter/recording';
import { describeRecording } from '../../support/describe-recording';
import { orders, vectors } from '../../support/recording-vectors';
import { seeded } from '../../support/seeded-random';
import { control, type Files, manifest, reactorFile, snapshot, writeBundle } from '../../support/recording-writer';

const SEGMENT = 'r0/ev-00000001.mcap';
const SNAPSHOT = 'r0/snap-000000000000.core';
const MUTATIONS = 2000;

describe('a damaged recording', () => {
  let scratch: string;
  before(() => (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-damage-'))));
  after(() => fs.rmSync(scratch, { recursive: true }));

  let count = 0;
  const bundle = (files: Files) => writeBundle(path.join(scratch, String(count++)), files);
  const small = (changes: Files = {}): Files => ({
    'manifest.json': manifest(),
    control: control({ reactors: [{ started: 4, finished: 4 }] }),
    'r0/reactor.json': reactorFile(0, 'shop', 'shop::Shop'),
    [SEGMENT]: orders(1, 0, 4).live(),
    [SNAPSHOT]: snapshot({ position: 0, pages: 2 }),
    ...changes,
  });
  const open = (changes: Files = {}) => openRecording(bundle(small(changes)));
  const numbers = (recording: Recording) => [...recording.log(0).events(0, 100)].map((event) => event.number);

  it('keeps the events before a record that is cut off, wherever that is', () => {
    const whole = orders(1, 0, 4).live(0);
    const lastRecord = whole.length - orders(1, 0, 4, true).live(0).length;
    const directory = bundle(small());
    for (let missing = 0; missing <= lastRecord; missing++) {
      fs.writeFileSync(`${directory}/${SEGMENT}`, whole.subarray(0, whole.length - missing));
      const recording = openRecording(directory);
      const atBoundary = missing === 0 || missing === lastRecord;
      assert.deepEqual(numbers(recording), [0, 1, 2, 3], `${missing} bytes cut off`);
      assert.equal(recording.log(0).event(3).done === undefined, missing > 0);
      assert.equal(recording.problems.length, atBoundary ? 0 : 1, `${missing} bytes cut off: ${recording.problems.join(' ')}`);
    }
  });

  it('says which events are lost when the log is shorter than the control file counts', () => {
    const recording = open({ [SEGMENT]: orders(1, 0, 2).live() });
    assert.deepEqual(recording.problems, ['r0 began 4 events, but its log ends before event 2. Events 2 to 3 are lost.']);
  });

  it('does not use a snapshot that is cut off, wherever that is', () => {
    const whole = snapshot({ position: 0, pages: 1 });
    const directory = bundle(small());
    for (let bytes = 0; bytes < whole.length; bytes += bytes < 400 ? 1 : 97) {
      fs.writeFileSync(`${directory}/${SNAPSHOT}`, whole.subarray(0, bytes));
      const recording = openRecording(directory);
      assert.deepEqual([recording.snapshots(0).length, recording.problems.length], [0, 1], `${bytes} bytes left`);
    }
  });

  it('opens without a control file, or with half of one', () => {
    for (const bytes of [undefined, 0, 15, 4096, 266_239]) {
      const recording = open({ control: bytes === undefined ? undefined : control().subarray(0, bytes) });
      assert.match(recording.problems[0] ?? '', /how the process ended and how far it got are unknown/);
      assert.deepEqual([recording.state, recording.crash, recording.reactor('shop').started], ['killed', undefined, 4]);
    }
  });

  it('opens without reactor.json, and calls the reactor by its number', () => {
    for (const content of [undefined, '', '{"id": 0}', '[]']) {
      const recording = open({ 'r0/reactor.json': content });
      assert.equal(recording.problems.length, 1);
      assert.equal(recording.reactor('r0').name, 'r0');
      assert.deepEqual(numbers(recording), [0, 1, 2, 3]);
    }
  });

  it('names a sealed segment whose checksum is wrong, when asked to verify', () => {
    const recording = open({ [SEGMENT]: orders(1, 0, 4).sealed(12345) });
    assert.deepEqual(recording.problems, []);
    assert.match(recording.verify().join(), /r0\/ev-00000001\.mcap is damaged: its checksum is [0-9a-f]{8} instead of 00003039\./);
  });

  it('leaves out files of another recording', () => {
    const other = 'ffffffffffffffffffffffffffffffff';
    const foreign = Buffer.from(orders(1, 0, 4).live().toString('latin1').replaceAll('00112233445566778899aabbccddeeff', other), 'latin1');
    const recording = open({ [SEGMENT]: foreign, control: control({ uuid: other }) });
    assert.deepEqual(recording.log(0).first, recording.log(0).end);
    assert.match(recording.problems.join(' '), /control file belongs to another.*ev-00000001\.mcap is skipped: it belongs to another/);
  });

  it('does not wait for a pipe that has the name of a segment', () => {
    const directory = bundle({ ...small(), [SEGMENT]: undefined });
    execFileSync('mkfifo', [`${directory}/${SEGMENT}`]);
    assert.match(openRecording(directory).problems.join(), /is not a regular file/);
  });

  it('names the events of a hole when one of them is asked for', () => {
    const log = openRecording(bundle(vectors['damaged-middle-segment']?.() ?? {})).log(0);
    assert.throws(() => log.event(4), { code: 'event-lost', message: /Event 4 is lost: the recording does not hold events 3 to 5/ });
    assert.throws(() => log.event(8), { code: 'no-such-event', message: /events 0 to 7/ });
    assert.deepEqual([...log.events(2, 5)].map((event) => event.number), [2, 6]); // prettier-ignore
  });

  it(`survives ${MUTATIONS} mutations, as an error for the user or with what is left`, function () {
    this.timeout(60_000);
    const random = seeded(20261122);
    const originals = Object.values(vectors).map((files) => ({ files: files(), directory: bundle(files()) }));
    let opened = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const { files, directory } = originals[random(originals.length)] as { files: Files; directory: string };
      const { name, bytes } = mutation(files, random);
      if (bytes === undefined) fs.rmSync(`${directory}/${name}`);
      else fs.writeFileSync(`${directory}/${name}`, bytes);
      opened += readsOrExplains(directory) ? 1 : 0;
      writeBundle(directory, { [name]: files[name] });
    }
    assert(opened > MUTATIONS / 2, `${opened} could be opened`);
    assert(opened < MUTATIONS, 'some could not be opened');
    assert(process.memoryUsage().rss < 600 << 20, `${process.memoryUsage().rss >> 20} MiB`);
  });
});

/** One file changed: some bytes, a length made huge, the end cut off, or the file gone (`undefined`). */
function mutation(files: Files, random: (below: number) => number): { name: string; bytes: Buffer | undefined } {
  const names = Object.keys(files).filter((name) => files[name] !== undefined);
  const name = names[random(names.length)] as string;
  const content = files[name];
  const bytes = Buffer.from(Buffer.isBuffer(content) ? content : typeof content === 'string' ? content : JSON.stringify(content));
  const interesting = Math.min(bytes.length, 6000);
  for (let change = random(6); change >= 0 && interesting > 9; change--) {
    const at = random(interesting - 8);
    if (random(2) === 0) bytes[at] = random(256);
    else bytes.writeBigUInt64LE([0n, 1n, 0xffff_ffffn, 0x7fff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn][random(5)] ?? 0n, at);
  }
  return { name, bytes: [bytes, bytes, bytes.subarray(0, random(bytes.length + 1)), undefined][random(4)] };
}

/** Reads everything there is; true when it opened. Anything but a UserError ends the test. */
function readsOrExplains(directory: string): boolean {
  try {
    describeRecording(openRecording(directory));
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.match(error.message, /^.{20,600}$/s);
    return false;
  }
}
