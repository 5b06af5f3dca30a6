// The command line on recordings of programs that really crashed: read, replay, ask who wrote.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { crashingPrograms, flightBytes, flightsFile, programPath, recordCrash } from '../../support/fixture-programs';

describe('afterimage with a recording of a crash', function () {
  this.timeout(120_000);
  const recordings = new Map<string, string>();
  let scratch: string;

  before(async () => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-replay-'));
    for (const name of Object.keys(crashingPrograms)) recordings.set(name, await recordCrash(name, `${scratch}/${name}`));
  });
  after(() => fs.rmSync(scratch, { recursive: true }));
  const recordingOf = (name: string) => recordings.get(name) as string;

  for (const name of Object.keys(crashingPrograms)) {
    it(`${name}: is whole, and ends inside an event`, async () => {
      const { code, stdout } = await afterimage(['info', '--strict', '--verify', '--json', recordingOf(name)]);
      const summary = JSON.parse(stdout);
      assert.deepEqual([code, summary.state, summary.problems], [0, 'crashed', []]);
      const crashed = summary.reactors[summary.endedIn];
      assert.equal(crashed.crashEvent, crashed.endEvent - 1);
      assert.equal(crashed.crashEvent, summary.crash.event);
    });

    it(`${name}: crashes again at the same place`, async () => {
      const { code, stdout, stderr } = await afterimage(['replay', recordingOf(name)]);
      assert.match(stdout, /The same crash as recorded: same event, signal(, instruction and fault address| and instruction)\.\n$/, stderr);
      assert.equal(code, 0);
    });
  }

  it('reads every delivered flight back, bit by bit', () => {
    const recording = openRecording(recordingOf('flight-board'));
    const log = recording.log(0);
    const flights = fs.readFileSync(flightsFile);
    assert(log.end > 100_000);
    for (const event of log.events(0, log.end)) {
      const expected = flights.subarray(event.number * flightBytes, (event.number + 1) * flightBytes);
      assert(event.payload.equals(expected), `event ${event.number}`);
    }
  });

  it('shows payloads as C++ values', async () => {
    const { stdout, stderr } = await afterimage(['events', '--typed', '--json', '--count', '3', recordingOf('flight-board')]);
    const { events, end } = JSON.parse(stdout || '{}');
    const flights = fs.readFileSync(flightsFile);
    events.forEach((event: { number: number; typed: { value: Record<string, unknown> } }, i: number) => {
      const at = (end - 3 + i) * flightBytes;
      const text = (from: number) => flights.toString('latin1', from, from + 4).replace(/\0.*/, '');
      assert.deepEqual(
        event.typed.value,
        {
          departure: Number(flights.readBigInt64LE(at)),
          delay_minutes: flights.readInt32LE(at + 8),
          distance_miles: flights.readInt32LE(at + 12),
          origin: text(at + 16),
          destination: text(at + 20),
        },
        stderr,
      );
    });
  });

  it('says how to get gdb when it is missing', async () => {
    const { code, stderr } = await afterimage(['events', '--typed', '--gdb', '/nowhere/gdb', recordingOf('flight-board')]);
    assert.equal(
      stderr,
      "afterimage: /nowhere/gdb was not found; it reads the program's C++ types. On Debian or Ubuntu: sudo apt-get install gdb.\n",
    );
    assert.equal(code, 2);
  });

  it('replays a bystander to its end, and up to a position', async () => {
    const bystander = await afterimage(['replay', '--reactor', 'gateway', recordingOf('three-reactors')]);
    assert.deepEqual([bystander.code, /No divergence|end of the log/.test(bystander.stdout)], [0, true], bystander.stderr);
    const { stdout } = await afterimage(['replay', '--to', '1000', '--json', recordingOf('flight-board')]);
    const { position, crash, faithful } = JSON.parse(stdout);
    assert.deepEqual([position, crash, faithful], [1000, null, true]);
  });

  it('finds the program beside the recording when it has moved', async () => {
    const moved = `${scratch}/elsewhere`;
    const directory = `${moved}/${path.basename(recordingOf('three-reactors'))}`;
    fs.cpSync(recordingOf('three-reactors'), directory, { recursive: true });
    fs.copyFileSync(programPath('three-reactors'), `${moved}/three-reactors`);
    const manifest = JSON.parse(fs.readFileSync(`${directory}/manifest.json`, 'utf8'));
    manifest.executable = '/gone/three-reactors';
    manifest.modules.find((module: { kind: string }) => module.kind === 'exe').path = '/gone/three-reactors';
    fs.writeFileSync(`${directory}/manifest.json`, JSON.stringify(manifest));
    const { code, stderr } = await afterimage(['replay', directory]);
    assert.equal(code, 0, stderr);
  });

  it('tells a replay that differs: a payload changed in the recording', async () => {
    const directory = `${scratch}/changed.afterimage`;
    fs.cpSync(recordingOf('three-reactors'), directory, { recursive: true });
    const recording = openRecording(directory);
    const crashed = recording.crashedReactor();
    assert(crashed !== undefined);
    const segment = `${directory}/r${crashed.id}/ev-00000001.mcap`;
    const bytes = fs.readFileSync(segment);
    const last = recording.log(crashed.id).event(crashed.crashEvent ?? 0).payload;
    bytes.fill(0, bytes.lastIndexOf(last), bytes.lastIndexOf(last) + last.length);
    fs.writeFileSync(segment, bytes);

    const { code, stdout, stderr } = await afterimage(['replay', directory]);
    assert.match(stdout, /Not as recorded: .*\n.*The replay differs from the recording\.\n$/, stderr);
    assert.equal(code, 1);
  });

  it('does not expect a crash of a process that was killed', async () => {
    const directory = `${scratch}/killed.afterimage`;
    fs.cpSync(recordingOf('flight-board'), directory, { recursive: true });
    const file = `${directory}/control`;
    const control = fs.readFileSync(file);
    control.writeBigUInt64LE(0n, 512); // no crash was noted
    control.writeBigUInt64LE(101n, 4096); // events begun
    control.writeBigUInt64LE(100n, 4104); // events finished
    fs.writeFileSync(file, control);

    const { code, stdout, stderr } = await afterimage(['replay', directory]);
    assert.equal(
      stdout,
      'Replayed 101 events of board, from position 0 to 101.\n' +
        'No divergence. Event 100 was cut short when the process was killed; here it\n  came to its end.\n',
      stderr,
    );
    assert.equal(code, 0);
  });

  it('names the event that last changed a counter, with the bytes before and after', async () => {
    const recording = openRecording(recordingOf('flight-board'));
    const object = recording.reactor('board').object;
    const args = ['last-write', '--address', object.toString(16), '--bytes', '8', '--before', '1000', '--json', recording.directory];
    const { code, stdout, stderr } = await afterimage(args);
    assert.equal(code, 0, stderr);
    const answer = JSON.parse(stdout);
    assert.deepEqual([answer.event.number, answer.writes, answer.firstEvent], [999, 1000, 0]);
    const number = (hex: string) => Buffer.from(hex, 'hex').readBigUInt64LE();
    assert.equal(number(answer.bytesAfter) - number(answer.bytesBefore), 1n);
    assert.equal(answer.event.payload, recording.log(0).event(999).payload.toString('hex'));
  });

  it('says that nothing changed memory which nobody wrote', async () => {
    const { heapBase, heapBytes } = openRecording(recordingOf('flight-board')).reactor('board');
    const address = (heapBase + heapBytes - 4096n).toString(16);
    const { code, stdout } = await afterimage([
      'last-write',
      '--address',
      address,
      '--bytes',
      '8',
      '--before',
      '500',
      recordingOf('flight-board'),
    ]);
    assert.match(stdout, /^No event before 500 changed the 8 bytes at 0x/);
    assert.equal(code, 1);
  });
});
