// Record, crash, replay: the replay must end in the same crash, at the same address, through the same allocations. Every pair is a
// new process with a new address-space layout; `npm run soak -- 200` makes 200 pairs of each program.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { openRecording, type ReactorInfo, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { crashingPrograms, programPath, recordCrash, repetitions, withDirectory } from '../support/fixture-programs';
import { recordKvCrash, traffic } from '../support/kv-server';

const pairs = repetitions('AFTERIMAGE_PAIRS', 5);

const hex = (value: bigint) => `0x${value.toString(16)}`;

/** What one replay of one reactor showed, from its first event up to `position`. */
async function replay(recording: Recording, reactor: ReactorInfo, program: string, position: number) {
  const replayer = Replayer.start(recording, { reactor: reactor.id, program });
  try {
    await replayer.ready();
    await replayer.run(0);
    const end = await replayer.run(position);
    return { end, divergences: replayer.divergences };
  } finally {
    replayer.kill();
  }
}

/** A reactor that was well, or was waiting for the one that crashed: all its finished events replay alike. */
async function checkBystander(recording: Recording, reactor: ReactorInfo, program: string): Promise<void> {
  const { end, divergences } = await replay(recording, reactor, program, reactor.finished);
  assert.deepEqual(divergences, [], `${reactor.name} took another way than recorded`);
  assert.deepEqual(end, { event: 'stopped', position: reactor.finished, reason: 'target' });
}

async function checkCrashed(recording: Recording, reactor: ReactorInfo, program: string): Promise<void> {
  const crash = recording.crash;
  assert.ok(crash?.event !== undefined, 'the crash handler noted no event');
  const { end, divergences } = await replay(recording, reactor, program, crash.event + 1);
  assert.deepEqual(divergences, [], `${reactor.name} took another way than recorded`);
  assert.ok(end.event === 'crash', `${reactor.name} did not crash`);
  assert.deepEqual(
    { event: end.eventNumber, signal: end.signal, code: end.code, address: hex(end.address), rip: hex(end.rip) },
    { event: crash.event, signal: crash.signal, code: crash.code, address: hex(crash.address), rip: hex(crash.rip) },
  );
}

/** The same flights each time; of the other programs each pair has its own random input, and so its own crash. */
const inputOf = (name: string, pair: number): string[] => (name === 'flight-board' ? [] : ['--seed', String(pair)]);

/** A server crashes of what it is told. */
const crash = (name: string, pair: number, directory: string): Promise<string> =>
  name === 'kv-server' ? recordKvCrash(directory, traffic(pair)) : recordCrash(name, directory, inputOf(name, pair));

/** One pair; answers where the executable was loaded. */
async function checkPair(name: string, pair: number, directory: string): Promise<bigint> {
  const recording = openRecording(await crash(name, pair, directory));
  try {
    const crashed = recording.crashedReactor();
    assert.ok(crashed, `${name} crashed outside its reactors`);
    await checkCrashed(recording, crashed, programPath(name));
    for (const reactor of recording.reactors) {
      if (reactor.id !== crashed.id) await checkBystander(recording, reactor, programPath(name));
    }
    return recording.manifest.modules.find(({ kind }) => kind === 'exe')!.base;
  } finally {
    recording.close();
  }
}

describe('record and replay', function () {
  this.timeout(0);

  it('is tried with address-space randomisation on', () => {
    assert.notEqual(fs.readFileSync('/proc/sys/kernel/randomize_va_space', 'utf8').trim(), '0');
  });

  for (const name of [...Object.keys(crashingPrograms), 'kv-server']) {
    it(`${name}: ${pairs} of ${pairs} replays end in the recorded crash`, async () => {
      const failures: string[] = [];
      const bases = new Set<bigint>();
      for (let pair = 1; pair <= pairs; pair++) {
        const check = withDirectory((directory) => checkPair(name, pair, directory));
        await check.then(
          (base) => bases.add(base),
          (error: Error) => failures.push(`pair ${pair}: ${error.message}`),
        );
      }
      assert.deepEqual(failures, [], `${failures.length} of ${pairs} pairs differ`);
      assert.ok(bases.size > pairs / 2, `${pairs} runs were loaded at only ${bases.size} addresses`);
    });
  }
});
