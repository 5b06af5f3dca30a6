// Going anywhere in a recording, in any order, leads to the state that a replay from the beginning leads to.
import assert from 'node:assert/strict';
import { openRecording, type Recording } from '../../../debug-adapter/recording';
import { findProgram } from '../../../debug-adapter/replay/find-program';
import { Replayer } from '../../../debug-adapter/replay/replayer';
import { type Digest } from '../../../debug-adapter/replay/reports';
import { recordCrash } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';

const SEEKS = 24;

describe('checkpoints', function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();
  let recording: Recording;
  let replayers: Replayer[] = [];

  before(async () => (recording = openRecording(await recordCrash('flight-board', directory.path))));
  after(() => recording.close());
  afterEach(async () => {
    await Promise.all(replayers.map((replayer) => replayer.quit()));
    replayers = [];
  });

  async function start(): Promise<Replayer> {
    const replayer = Replayer.start(recording, { reactor: 0, program: findProgram(recording) });
    replayers.push(replayer);
    await replayer.ready();
    return replayer;
  }

  /** Anywhere before the crash, repeatably. */
  function positions(): number[] {
    const end = recording.log(0).end - 1;
    let random = 12345;
    return Array.from({ length: SEEKS }, () => (random = (random * 1103515245 + 12345) % 2147483648) % end);
  }

  async function digestAt(replayer: Replayer, move: 'run' | 'seek', position: number): Promise<Digest> {
    const stopped = await replayer[move](position);
    assert.deepEqual([stopped.event, 'position' in stopped && stopped.position], ['stopped', position]);
    return replayer.digest();
  }

  it('are the state that it was', async () => {
    const straight = await start();
    const ascending = [...positions()].sort((a, b) => a - b);
    const expected = new Map<number, Digest>();
    for (const position of ascending) expected.set(position, await digestAt(straight, 'run', position));
    assert.ok(new Set([...expected.values()].map(({ heap }) => heap)).size > SEEKS / 2, 'the digest does not tell positions apart');

    const seeking = await start();
    await seeking.seek(Math.max(...ascending));
    // What the program does to its data outside react() is in the snapshots only.
    const secondSnapshot = recording.snapshots(0)[1]?.position ?? Infinity;
    for (const position of positions()) {
      const { heap, data } = await digestAt(seeking, 'seek', position);
      assert.equal(heap, expected.get(position)!.heap, `position ${position}`);
      if (position < secondSnapshot) assert.equal(data, expected.get(position)!.data, `position ${position}`);
    }
    assert.deepEqual(seeking.divergences, []);
  });
});
