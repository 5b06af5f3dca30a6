// Three reactors, each with a thread and a queue of its own (fixtures/programs/ping-pong): what went through the queues is known to have
// been sent, by which event, and before it came.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { openRecording, type Recording, type RecordedEvent } from '../../debug-adapter/recording';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, startProgram, withDirectory } from '../support/fixture-programs';
import { temporaryDirectory } from '../support/temporary-directory';

const [BALLS, HITS] = [8, 300];
const PLAYERS = [0, 1, 2];

describe('events that are posted through queues of the program', function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  let recording: Recording;
  const events = (player: number): RecordedEvent[] => [...recording.log(player).events(0, Number.MAX_SAFE_INTEGER)];

  before(async () => {
    const program = startProgram('ping-pong', directory.path, ['--balls', String(BALLS), '--hits', String(HITS)]);
    assert.deepEqual(await once(program, 'exit'), [0, null]);
    recording = openRecording(onlyRecordingIn(directory.path));
  });
  after(() => recording.close());

  it('are replayed with what they post, whichever thread was faster', async () => {
    const { code, stdout } = await afterimage(['verify', recording.directory]);
    assert.equal(code, 0, stdout);
  });

  it('have a sender each, which has sent just that', () => {
    const all = PLAYERS.flatMap(events);
    const served = all.filter(({ sender }) => sender === undefined);
    assert.deepEqual([all.length, served.length], [BALLS * (HITS + 1), BALLS]);
    for (const { sender, payload, type } of all.filter((event) => event.sender !== undefined)) {
      const sent = recording.log(sender!.reactor).event(sender!.event).sent[sender!.message]!;
      assert.deepEqual(sent.payload, payload);
      assert.ok(sent.type.includes(type.name.split('::').at(-1)!), `${sent.type} is ${type.name}`);
    }
  });

  it('come after what has sent them, in the order of all reactors', () => {
    for (const event of PLAYERS.flatMap(events)) {
      if (event.sender === undefined) continue;
      const cause = recording.log(event.sender.reactor).event(event.sender.event);
      assert.ok(cause.timeNs < event.timeNs, `event ${event.number} at ${event.timeNs}, sent at ${cause.timeNs}`);
    }
  });

  it('are nothing that a check complains about', () =>
    withDirectory(async (other) => {
      const { code, stdout } = await afterimage(['check', '--', programPath('ping-pong'), '--directory', other, '--hits', '30']);
      assert.equal(code, 0, stdout);
    }));
});
