// A debug session that goes far forward takes the checkpoints that the replay has left there, instead of replaying all events on the way.
import assert from 'node:assert/strict';
import * as os from 'node:os';
import { type MiTuple, miString, miTuples } from '../../../debug-adapter/gdb/mi-parser';
import { openRecording, type Recording } from '../../../debug-adapter/recording';
import { findProgram } from '../../../debug-adapter/replay/find-program';
import { ReplaySession } from '../../../debug-adapter/replay/replay-session';
import { recordCrash } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';

const kernel = os.release().split('.').map(Number);
const hasCheckpoints = kernel[0]! > 6 || (kernel[0] === 6 && kernel[1]! >= 7);

describe('a session that goes far forward', function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();
  let recording: Recording;
  let session: ReplaySession;

  before(async function () {
    if (!hasCheckpoints) this.skip(); // PAGEMAP_SCAN is from Linux 6.7 on
    recording = openRecording(await recordCrash('flight-board', directory.path));
    const options = {
      recording,
      reactor: recording.reactor('board'),
      program: findProgram(recording),
      gdb: 'gdb',
      onOutput: () => undefined,
    };
    session = await ReplaySession.open(options);
  });
  after(async () => {
    await session?.close();
    recording?.close();
  });

  const flights = async () => Number((await session.gdb.send('-data-evaluate-expression "(unsigned long)this->flights_"')).value);

  /** How many events a move replays: gdb counts, and does not stop. */
  async function eventsReplayed(move: () => Promise<unknown>): Promise<number> {
    const { bkpt } = await session.gdb.send('-break-insert -i 1000000000 FlightBoard::react');
    const number = miString(bkpt as MiTuple, 'number')!;
    await move();
    const { BreakpointTable } = await session.gdb.send(`-break-info ${number}`);
    await session.gdb.send(`-break-delete ${number}`);
    return Number(miString(miTuples(BreakpointTable as MiTuple, 'body')[0]!, 'times'));
  }

  it('does not replay what lies in between', async () => {
    const crash = recording.log(0).end - 1;
    const [from, to] = [recording.snapshots(0).at(-1)!.position + 5, crash - 5]; // no snapshot lies in between
    await session.goTo(crash); // as a session begins
    await session.goTo(from);
    assert.equal(await flights(), from);
    const replayed = await eventsReplayed(() => session.goTo(to));
    assert.deepEqual([session.position, await flights()], [to, to]);
    assert.ok(replayed < (to - from) / 2, `${replayed} of ${to - from} events`);
  });

  it('replays, and so compares, every event when it continues', async () => {
    const crash = recording.log(0).end - 1;
    await session.goTo(crash - 1000);
    const replayed = await eventsReplayed(() => session.continue());
    assert.equal(session.lastStop.kind, 'crash');
    assert.equal(replayed, 1000);
  });
});
