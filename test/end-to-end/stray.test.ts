// A replay that goes astray says where: event, call, place in the program, both values, and the most likely cause. The fixture
// does on purpose, in event 50, what cannot be replayed; and what a replay must not do to the machine it runs on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { onlyRecordingIn, programPath, withDirectory } from '../support/fixture-programs';

const EVENT = 50;

function record(how: string, directory: string, options: readonly string[] = [], descriptors = 3): string {
  const args = ['--how', how, '--directory', directory, ...options];
  const stdio = Array<'ignore'>(descriptors).fill('ignore');
  const { status } = spawnSync(programPath('stray'), args, { stdio, env: { ...process.env, STRAY: 'recorded' } });
  assert.equal(status, 0, `stray --how ${how}`);
  return onlyRecordingIn(directory);
}

async function replay(bundle: string) {
  const recording = openRecording(bundle);
  const replayer = Replayer.start(recording, { reactor: 0, program: programPath('stray') });
  try {
    await replayer.ready();
    const end = await replayer.run(recording.reactor(0).finished);
    assert.equal(end.event, 'stopped', 'a replay goes on after a divergence');
    return { divergences: replayer.divergences, warnings: replayer.warnings };
  } finally {
    replayer.kill();
    recording.close();
  }
}

interface Expected {
  readonly kind: string;
  readonly call: string;
  readonly recorded: RegExp;
  readonly replayed: RegExp;
  readonly cause: RegExp;
}

const value = { kind: 'output', call: 'printf', recorded: /printf\("value \d+\\n"\)/, replayed: /printf\("value \d+\\n"\)/ } as const;
const differs = /results differ since before this call/;

const ways: Record<string, Expected> = {
  global: { ...value, recorded: /value 7\\n/, replayed: /value 0\\n/, cause: differs },
  thread: { ...value, recorded: /value 11\\n/, replayed: /value 0\\n/, cause: differs },
  tsc: { ...value, cause: /the time-stamp counter, read by rdtsc in react\(\) at Stray::go_astray.* is not recorded \(event 50\)/ },
  rdrand: { ...value, cause: /the instruction rdrand or rdseed, whose numbers are not recorded, at .*hardware_random/ },
  syscall: { ...value, cause: /system call getpid, made past libc, in react\(\) at .* is not recorded/ },
  'stack-address': { ...value, cause: differs },
  uninitialised: { ...value, cause: differs },
  environment: { ...value, call: 'puts', recorded: /puts\("STRAY=recorded"\)/, replayed: /puts\("none"\)/, cause: differs },
  allocation: { kind: 'allocation', call: '', recorded: /0x/, replayed: /0x/, cause: /allocated or freed other memory.* a global/ },
  exception: { kind: 'exception', call: '', recorded: /threw/, replayed: /returned/, cause: /a global or static variable/ },
  'extra-call': { kind: 'input', call: 'getpid', recorded: /no further call/, replayed: /getpid/, cause: /a call that it did not make/ },
  'missing-call': { kind: 'input', call: 'getpid', recorded: /getpid = \d+/, replayed: /returned without it/, cause: /another way/ },
  'other-call': { kind: 'input', call: 'random', recorded: /time = \d+/, replayed: /random/, cause: /or another one/ },
  'other-order': { kind: 'input', call: 'getpid', recorded: /time = \d+/, replayed: /getpid/, cause: /1 recorded call\(s\) before it/ },
  'other-argument': {
    kind: 'input',
    call: 'getenv',
    recorded: /getenv\("HOME"\)/,
    replayed: /getenv\("PATH"\)/,
    cause: /state differs since before this call/,
  },
};

describe('a replay that goes astray', function () {
  this.timeout(60_000);

  for (const [how, expected] of Object.entries(ways)) {
    it(`by ${how}: it names event, call, values and cause`, () =>
      withDirectory(async (directory) => {
        const { divergences } = await replay(record(how, directory));
        assert.ok(divergences.length >= 1 && divergences.length <= 16);
        const divergence = divergences[0]!;
        assert.deepEqual([divergence.eventNumber, divergence.kind, divergence.call], [EVENT, expected.kind, expected.call]);
        for (const part of ['recorded', 'replayed', 'cause'] as const) assert.match(divergence[part], expected[part]);
        assert.notEqual(divergence.recorded, divergence.replayed);
        if (expected.call !== '') assert.match(divergence.site, /^Stray::(go_astray|say|react)/);
      }));
  }

  it('by a file that is not in the recording: unchanged it is faithful, changed it is named', () =>
    withDirectory(async (directory) => {
      const file = path.join(directory, 'rates');
      fs.writeFileSync(file, 'EUR 1.08');
      const bundle = record('file', directory, ['--path', file, '--pass-files']);
      assert.deepEqual((await replay(bundle)).divergences, []);
      fs.writeFileSync(file, 'EUR 1.09');
      const { divergences } = await replay(bundle);
      assert.deepEqual([divergences[0]!.eventNumber, divergences[0]!.kind, divergences[0]!.call], [EVENT, 'input', 'read']);
      assert.match(divergences[0]!.cause, /has changed since/);
    }));

  it('not by a file that is not in the recording, whatever descriptor it had', async () => {
    for (const descriptors of [3, 4, 6, 9, 14]) {
      await withDirectory(async (directory) => {
        const file = path.join(directory, 'rates');
        fs.writeFileSync(file, 'EUR 1.08');
        assert.deepEqual((await replay(record('file', directory, ['--path', file, '--pass-files'], descriptors))).divergences, []);
      });
    }
  });

  it('by memory that it only points to: the replay crashes, and says what is not recorded', () =>
    withDirectory(async (directory) => {
      const recording = openRecording(record('ordinary-heap', directory));
      const replayer = Replayer.start(recording, { reactor: 0, program: programPath('stray') });
      try {
        await replayer.ready();
        const end = await replayer.run(recording.reactor(0).finished);
        assert.deepEqual([end.event, end.event === 'crash' && end.eventNumber], ['crash', EVENT]);
        const divergence = replayer.divergences[0]!;
        assert.deepEqual([divergence.eventNumber, divergence.kind, divergence.recorded], [EVENT, 'crash', 'react() returned']);
        assert.match(divergence.cause, /in its ordinary heap: what a reactor only points to is not recorded/);
      } finally {
        replayer.kill();
        recording.close();
      }
    }));

  it('not by input and output that is forbidden: it fails in the recorded program already', () =>
    withDirectory(async (directory) => {
      const file = path.join(directory, 'made');
      const args = ['--how', 'process', '--directory', directory, '--path', file, '--forbid'];
      const { status, stderr } = spawnSync(programPath('stray'), args, { encoding: 'utf8' });
      assert.equal(status, 0);
      assert.equal(fs.existsSync(file), false, 'a process was started all the same');
      assert.match(stderr, /system\(\) in react\(\) at Stray::go_astray\(.*was refused: this recorder was opened with Io::forbid/);
      assert.deepEqual(await replay(onlyRecordingIn(directory)), { divergences: [], warnings: [] });
    }));

  it('not by a file that is in the recording, although it is gone', () =>
    withDirectory(async (directory) => {
      const file = path.join(directory, 'rates');
      fs.writeFileSync(file, 'EUR 1.08');
      const bundle = record('file', directory, ['--path', file]);
      fs.rmSync(file);
      assert.deepEqual((await replay(bundle)).divergences, []);
    }));

  it('not when it behaves', () =>
    withDirectory(async (directory) => assert.deepEqual(await replay(record('', directory)), { divergences: [], warnings: [] })));
});

describe('a replay in its sandbox', function () {
  this.timeout(60_000);

  it('starts no process: what became of it is in the recording', () =>
    withDirectory(async (directory) => {
      const file = path.join(directory, 'made');
      const bundle = record('process', directory, ['--path', file]);
      assert.ok(fs.existsSync(file), 'the program can, while it is recorded');
      fs.rmSync(file);
      assert.deepEqual(await replay(bundle), { divergences: [], warnings: [] });
      assert.equal(fs.existsSync(file), false);
    }));

  it('cannot start a process past libc', () =>
    withDirectory(async (directory) => {
      const { divergences } = await replay(record('fork', directory));
      assert.deepEqual([divergences[0]!.eventNumber, divergences[0]!.kind, divergences[0]!.call], [EVENT, 'denied', 'fork']);
    }));

  it('cannot make a file past libc', () =>
    withDirectory(async (directory) => {
      const file = path.join(directory, 'made');
      const bundle = record('write-past-libc', directory, ['--path', file]);
      assert.ok(fs.existsSync(file), 'the program can, while it is recorded');
      fs.rmSync(file);
      const { divergences } = await replay(bundle);
      assert.equal(fs.existsSync(file), false);
      assert.deepEqual([divergences[0]!.kind, divergences[0]!.call, divergences[0]!.replayed], ['denied', 'open', 'refused']);
    }));

  it('cannot rename a file', () =>
    withDirectory(async (directory) => {
      const file = path.join(directory, 'named');
      fs.writeFileSync(file, '');
      const bundle = record('rename', directory, ['--path', file]);
      fs.renameSync(`${file}.renamed`, file);
      const { divergences } = await replay(bundle);
      assert.ok(fs.existsSync(file));
      assert.deepEqual([divergences[0]!.kind, divergences[0]!.call], ['denied', 'rename']);
    }));

  it('cannot reach the network', () =>
    withDirectory(async (directory) => {
      let connections = 0;
      const server = net.createServer((socket) => (connections++, socket.destroy())).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      const connected = once(server, 'connection');
      const bundle = record('network', directory, ['--port', String(port)]);
      await connected;
      const { divergences } = await replay(bundle);
      server.close();
      await once(server, 'close');
      assert.equal(connections, 1);
      assert.deepEqual([divergences[0]!.kind, divergences[0]!.call], ['denied', 'socket']);
    }));
});
