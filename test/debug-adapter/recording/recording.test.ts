// Opening: which paths mean a recording, what is refused and with which words, when a recording is live, what opening costs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openRecording, readBuildId } from '../../../debug-adapter/recording';
import { SegmentWriter, u64 } from '../../support/mcap-writer';
import { orders, vectors } from '../../support/recording-vectors';
import {
  control,
  type Files,
  manifest,
  reactorFile,
  segmentName,
  snapshot,
  snapshotName,
  UUID,
  writeBundle,
} from '../../support/recording-writer';

describe('opening a recording', () => {
  let scratch: string;
  before(() => (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-open-'))));
  after(() => fs.rmSync(scratch, { recursive: true }));

  let count = 0;
  const write = (files: Files, name = `${count++}.afterimage`) => writeBundle(path.join(scratch, name), files);
  const minimal = (changes: Record<string, unknown> = {}): Files => ({ 'manifest.json': manifest(changes), control: control() });

  it('takes the bundle, its manifest, or the directory that holds just one', () => {
    const bundle = write(minimal(), 'one/orders.afterimage');
    for (const given of [bundle, `${bundle}/`, `${bundle}/manifest.json`, path.dirname(bundle)]) {
      assert.equal(openRecording(given).directory, bundle);
    }
  });

  const refused: { title: string; code: string; says: RegExp; path: () => string }[] = [
    { title: 'a path that does not exist', code: 'no-such-recording', says: /no recording at .*nowhere/, path: () => `${scratch}/nowhere` },
    {
      title: 'a file',
      code: 'not-a-directory',
      says: /is a file, but a recording is a directory/,
      path: () => `${write({ 'core.4711': 'x' }, 'f')}/core.4711`,
    },
    {
      title: 'an empty directory',
      code: 'not-a-recording',
      says: /has no manifest\.json/,
      path: () => fs.mkdtempSync(`${scratch}/empty-`),
    },
    {
      title: 'a foreign directory',
      code: 'not-a-recording',
      says: /has no manifest\.json/,
      path: () => write({ 'src/main.cc': 'int main() {}' }),
    },
    {
      title: 'a directory of several recordings',
      code: 'several-recordings',
      says: /holds 2 recordings.*b\.afterimage/,
      path: () => path.dirname([write(minimal(), 'two/a.afterimage'), write(minimal(), 'two/b.afterimage')][0] as string),
    },
    {
      title: 'an empty manifest',
      code: 'damaged-file',
      says: /manifest\.json is damaged: it is empty/,
      path: () => write({ 'manifest.json': '' }),
    },
    { title: 'half a manifest', code: 'damaged-file', says: /not valid JSON/, path: () => write({ 'manifest.json': '{"format": {"na' }) },
    {
      title: 'another format',
      code: 'damaged-file',
      says: /field "format\.name"/,
      path: () => write(minimal({ format: { name: 'rr', major: 1, minor: 0 } })),
    },
    {
      title: 'another major version',
      code: 'other-major',
      says: /recording of format 2.*reads format 1/,
      path: () => write({ 'manifest.json': { format: { name: 'afterimage', major: 2, minor: 0 } } }),
    },
    { title: 'another word size', code: 'other-machine', says: /32 bits.*64 bits only/, path: () => write(minimal({ wordBits: 32 })) },
    {
      title: 'another machine',
      code: 'other-machine',
      says: /machine aarch64.*x86_64 only/,
      path: () => write(minimal({ machine: 'aarch64' })),
    },
    { title: 'a bad module address', code: 'damaged-file', says: /field "modules\.0\.base"/, path: () => write(minimal({ modules: [{ kind: 'exe', base: 'zero' }] })) }, // prettier-ignore
    {
      title: 'an address where a number belongs',
      code: 'damaged-file',
      says: /field "startTimeNs"/,
      path: () => write(minimal({ startTimeNs: '0x10' })),
    },
  ];
  for (const { title, code, says, path: make } of refused) {
    it(`refuses ${title}`, () => assert.throws(() => openRecording(make()), { name: 'UserError', code, message: says }));
  }

  it('finds a reactor by number and by name, and names those there are', () => {
    const recording = openRecording(write(vectors['crashed-two-reactors']?.() ?? {}));
    assert.deepEqual([recording.reactor(1), recording.reactor('1'), recording.reactor('r1')].map((r) => r.name), ['audit', 'audit', 'audit']); // prettier-ignore
    assert.equal(recording.crashedReactor()?.name, 'shop');
    assert.throws(() => recording.reactor('stock'), { code: 'no-such-reactor', message: /"stock"\. It has: shop, audit/ });
  });

  it('gives the crash with the names of signal and registers', () => {
    const { crash } = openRecording(write(vectors['crashed-two-reactors']?.() ?? {}));
    assert.equal(crash?.signalName, 'SIGSEGV');
    assert.deepEqual(
      [crash.registers.size, crash.registers.get('r8'), crash.registers.get('rip'), crash.registers.get('cr2')],
      [23, 0x1000n, 0x1010n, 0x1016n],
    );
  });

  it('is live while the process runs, and killed when it has ended', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const ended = once(child, 'exit');
    const startTimeNs = String(BigInt(Date.now()) * 1_000_000n);
    const sleep = fs.realpathSync(`/proc/${child.pid}/exe`);
    const modules = [{ kind: 'exe', base: '0x1000', bytes: 4096, buildId: readBuildId(sleep) ?? '', path: sleep }];
    const running = { pid: child.pid, hostname: os.hostname(), startTimeNs, modules };
    const bundle = write(minimal(running));
    const earlier = write(minimal({ ...running, startTimeNs: '1600000000000000000' }));
    const otherProgram = write(minimal({ ...running, modules: [{ ...modules[0], buildId: 'ab' }] }));
    const otherHost = write(minimal({ ...running, hostname: 'elsewhere' }));

    assert.equal(openRecording(bundle).state, 'live');
    for (const same of [earlier, otherProgram, otherHost])
      assert.equal(openRecording(same).state, 'killed', 'only the process id is the same');
    child.kill('SIGKILL');
    await ended;
    assert.equal(openRecording(bundle).state, 'killed');
  });

  it('reads a live log as far as it was written', () => {
    const files = { ...minimal(), 'r0/reactor.json': reactorFile(0, 'shop', 'Shop'), [`r0/${segmentName(1)}`]: orders(1, 0, 3).live() };
    const bundle = write({ ...files, 'r0/snap-000000000000.core': snapshot({ position: 0 }) });
    assert.equal(openRecording(bundle).log(0).end, 3);
    fs.writeFileSync(`${bundle}/r0/${segmentName(1)}`, orders(1, 0, 4).live());
    assert.equal(openRecording(bundle).log(0).end, 4);
  });

  it('uses a delta only with the snapshots that it builds on', () => {
    const file = (position: number, parent: number) => ({
      [`r0/${snapshotName(position)}`]: snapshot({ position, parent, kind: parent === position ? 1 : 2 }),
    });
    const whole = { ...file(0, 0), ...file(10, 0), ...file(20, 10), ...file(30, 30), ...file(40, 30) };
    const positions = (files: Files) => {
      const recording = openRecording(write({ ...minimal(), 'r0/reactor.json': reactorFile(0, 'shop', 'Shop'), ...files }));
      return { positions: recording.snapshots(0).map(({ position }) => position), problems: recording.problems };
    };
    assert.deepEqual(positions(whole), { positions: [0, 10, 20, 30, 40], problems: [] });
    const { [`r0/${snapshotName(10)}`]: _missing, ...rest } = whole;
    assert.deepEqual(positions(rest), {
      positions: [0, 30, 40],
      problems: ['r0/snap-000000000020.core is not used: it builds on the snapshot at position 10, which is missing.'],
    });
  });

  it('scans a segment only when an event in it is wanted', () => {
    const files: Files = { ...minimal(), 'r0/reactor.json': reactorFile(0, 'shop', 'Shop') };
    for (let i = 0; i < 50; i++) files[`r0/${segmentName(i + 1)}`] = orders(i + 1, 10 * i, 10).sealed();
    const bundle = write(files);
    const log = openRecording(bundle).log(0);
    assert.equal(log.first, 0);
    for (let i = 0; i < 49; i++) fs.rmSync(`${bundle}/r0/${segmentName(i + 1)}`); // all but the last: only their heads were read
    assert.equal(log.end, 500);
    assert.equal(log.event(495).number, 495);
    assert.throws(() => log.event(123), { code: 'not-readable', message: /ev-00000013\.mcap cannot be read: it does not exist/ });
  });

  it('finds what went wrong in events that fill several segments', () => {
    const log = openRecording(write(vectors['events-of-many-segments']?.() ?? {})).log(0);
    assert.deepEqual(
      [...log.failed()].map(({ number, failures }) => [number, ...failures.map(({ sentence }) => sentence)]),
      [
        [1, 'no room'],
        [5, 'abort() was called'],
      ],
    );
  });

  it('keeps a million events as columns of numbers', function () {
    this.timeout(60_000);
    const files: Files = { ...minimal(), 'r0/reactor.json': reactorFile(0, 'shop', 'Shop') };
    for (let i = 0; i < 10; i++) files[`r0/${segmentName(i + 1)}`] = manyEvents(i + 1, 100_000 * i, 100_000);
    const recording = openRecording(write(files));
    const heapBefore = process.memoryUsage().heapUsed;
    const log = recording.log(0);
    assert.equal(log.event(123_456).payload.readBigUInt64LE(0), 123_456n);
    assert.equal(log.count, 1_000_000);
    for (const n of [0, 99_999, 100_000, 999_999]) assert.equal(log.event(n).payload.readBigUInt64LE(0), BigInt(n));
    const perEvent = (process.memoryUsage().heapUsed - heapBefore) / 1_000_000;
    assert(perEvent < 50, `${perEvent} bytes of JavaScript heap an event: there must be no object for each`);
  });
});

/** One event with `done`, copied and renumbered: writing a million one by one would take longer than reading them. */
function manyEvents(segment: number, firstEvent: number, count: number): Buffer {
  const head = new SegmentWriter({ uuid: UUID, segment, firstEvent }).type({ id: 16, name: 'Tick', bytes: 8 }).live(0);
  const event = new SegmentWriter({ uuid: UUID, segment, firstEvent })
    .type({ id: 16, name: 'Tick', bytes: 8 })
    .event(0, 16, u64(0))
    .done(0)
    .live(0);
  const pair = event.subarray(head.length);
  const all = Buffer.alloc(head.length + pair.length * count);
  head.copy(all);
  for (let i = 0; i < count; i++) {
    const at = head.length + pair.length * i;
    pair.copy(all, at);
    const n = firstEvent + i;
    all.writeUInt32LE(n, at + 11);
    all.writeBigUInt64LE(BigInt(n), at + 31);
    all.writeUInt32LE(n, at + 39 + 11);
    all.writeBigUInt64LE(BigInt(n), at + 39 + 31 + 24);
  }
  return all;
}
