// Events that do not fit the inbox lie at the same addresses in the replay all the same, and what no place in the slot is large enough
// for is aligned as its type says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { afterimage } from '../support/cli';
import { compileProgram, onlyRecordingIn, root } from '../support/fixture-programs';
import { occupying } from '../support/slot-occupant';
import { temporaryDirectory } from '../support/temporary-directory';

const EVENTS = 49; // 12 rounds of three, a film, and what every other picture and every fourth caption delivers

describe('large and strictly aligned events', function () {
  this.timeout(120_000); // compiles a program
  const directory = temporaryDirectory();
  let recording: string;

  before(() => {
    const program = compileProgram(path.join(root, 'test/end-to-end/large_events.cc'), directory.path, '-O2');
    execFileSync(program, [directory.path], { stdio: 'ignore' });
    recording = onlyRecordingIn(directory.path);
  });

  it('are where they were, nested ones too', async () => {
    const { stdout, stderr } = await afterimage(['verify', '--json', recording]);
    assert.equal(stderr, '');
    const { reactors, problems } = JSON.parse(stdout);
    const [{ replay, memory }] = reactors;
    assert.deepEqual([problems, replay.divergences, memory.differences], [[], [], []]);
    assert.equal(replay.position, EVENTS);
  });

  it('are moved with the slot', async () => {
    const opened = openRecording(recording);
    const environment = occupying(opened.reactor(0));
    opened.close();
    const { stdout } = await afterimage(['replay', '--json', recording], environment);
    const { position, divergences, relocated } = JSON.parse(stdout);
    assert.deepEqual([position, divergences], [EVENTS, []]);
    assert.ok(relocated !== null, 'the slot was free');
  });

  it('can be asked about', async () => {
    const { stdout } = await afterimage(['find', '--all', '--expression', 'caption.number == 4', '--json', recording]);
    const { events } = JSON.parse(stdout);
    assert.deepEqual(events.map((event: { number: number }) => event.number), [17, 20]); // prettier-ignore
  });
});
