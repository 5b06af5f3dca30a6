// Record and replay a thousand times: the state of the reactor and of the program's variables is the same after every event, in a
// new process with a new layout of its address space, and also when it comes from a snapshot in the middle.
//
// The recorder notes a digest after each event and the replayer compares (Options::state_digests). A pair is one of the reactors of
// fixtures/programs/workloads, built in one of several ways, with other events each time.
import assert from 'node:assert/strict';
import { type ReactorInfo, type Recording } from '../../debug-adapter/recording';
import { repetitions } from '../support/fixture-programs';
import { seeded } from '../support/seeded-random';
import { replayWorkload, variants, type WorkloadRun, withWorkload, workloadNames } from '../support/workloads';

const pairs = repetitions('AFTERIMAGE_STATE_PAIRS', 24);

/** Every event was given a digest: otherwise there would be nothing to compare. */
function assertDigests(recording: Recording, { id, name, started }: ReactorInfo): void {
  const log = recording.log(id);
  assert.deepEqual([log.first, log.end], [0, started]);
  for (const event of log.events(0, started)) assert.ok(event.done?.digests, `${name} has no digest of event ${event.number}`);
}

async function check(run: Required<Pick<WorkloadRun, 'variant' | 'name' | 'seed'>>): Promise<void> {
  await withWorkload(run, async (recording) => {
    assert.deepEqual(recording.problems, []);
    for (const reactor of recording.reactors) {
      assertDigests(recording, reactor);
      const middle = seeded(run.seed)(reactor.finished + 1);
      const { divergences } = await replayWorkload(recording, reactor, [reactor.finished, middle, reactor.finished]);
      assert.deepEqual(divergences, [], reactor.name);
    }
  });
}

describe('state after every event', function () {
  this.timeout(0);

  it(`is that of the recording in ${pairs} of ${pairs} pairs`, async () => {
    const names = new Map(variants.map((variant) => [variant, workloadNames(variant)]));
    const all = names.get('o2')!;
    const failures: string[] = [];
    for (let seed = 1; seed <= pairs; seed++) {
      const name = all[seed % all.length]!;
      const built = variants[seed % variants.length]!;
      const variant = names.get(built)!.includes(name) ? built : 'o2';
      await check({ variant, name, seed }).catch((error: Error) => failures.push(`${variant} ${name}, seed ${seed}: ${error.message}`));
    }
    assert.deepEqual(failures, [], `${failures.length} of ${pairs} pairs differ`);
  });
});
