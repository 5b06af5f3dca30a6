// Three reactors that send to each other: every event knows which one sent it, time never runs against cause and effect, and what was
// sent is what was received.
import assert from 'node:assert/strict';
import { openRecording, type RecordedEvent, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { afterimage } from '../support/cli';
import { programPath, recordCrash, withDirectory } from '../support/fixture-programs';

const [ledger, matcher, gateway] = [0, 1, 2]; // as they are created

const eventsOf = (recording: Recording, reactor: number): RecordedEvent[] => {
  const log = recording.log(reactor);
  return [...log.events(log.first, log.end - log.first)];
};

/** Each event has one sender, of this reactor, and each of what that sent arrives once. */
function checkEdges(recording: Recording, from: number, to: number): void {
  const senders = eventsOf(recording, from);
  const left = new Map(senders.flatMap((event) => event.sent.map((sent, i) => [`${event.number}.${i}`, { event, sent }] as const)));
  for (const received of eventsOf(recording, to)) {
    const { reactor, event, message } = received.sender!;
    assert.equal(reactor, from);
    const edge = left.get(`${event}.${message}`);
    assert.ok(edge, `event ${received.number} of ${to} says that it is message ${message} of event ${event} of ${from}`);
    left.delete(`${event}.${message}`);
    assert.ok(edge.event.timeNs < received.timeNs, `event ${received.number} of ${to} came before it was sent`);
    assert.deepEqual([edge.sent.reactor, edge.sent.payload], [to, received.payload]);
  }
  assert.deepEqual([...left.keys()], [], 'sent, and never received');
}

async function checkReplay(recording: Recording, reactor: number): Promise<void> {
  const { finished } = recording.reactor(reactor);
  const replayer = Replayer.start(recording, { reactor, program: programPath('three-reactors') });
  try {
    await replayer.ready();
    assert.deepEqual(await replayer.run(finished), { event: 'stopped', position: finished, reason: 'target' });
    assert.deepEqual(replayer.divergences, []);
  } finally {
    replayer.kill();
  }
}

describe('events that reactors send to each other', function () {
  this.timeout(120_000);

  it('form complete edges, in the order of time', () =>
    withDirectory(async (directory) => {
      const path = await recordCrash('three-reactors', directory, ['--sent']);
      const recording = openRecording(path);
      try {
        assert.ok(eventsOf(recording, gateway).every(({ sender }) => sender === undefined));
        checkEdges(recording, gateway, matcher);
        checkEdges(recording, matcher, ledger);
        for (const reactor of [gateway, matcher, ledger]) await checkReplay(recording, reactor);
        await checkList(path);
      } finally {
        recording.close();
      }
    }));
});

/** The end of the story as people see it: an instruction, its order, a trade, in this order. */
async function checkList(path: string): Promise<void> {
  const { stdout } = await afterimage(['events', '--all', '--json', '--count', '50', path]);
  const { reactors, events } = JSON.parse(stdout) as {
    reactors: { name: string }[];
    events: { reactor: number; number: number; timeNs: string; sender: { reactor: number; event: number } | null }[];
  };
  assert.deepEqual(reactors.map(({ name }) => name), ['ledger', 'matcher', 'gateway']); // prettier-ignore
  assert.equal(events.length, 50);
  const seen = new Set<string>();
  for (const [i, { reactor, number, timeNs, sender }] of events.entries()) {
    assert.ok(i === 0 || BigInt(events[i - 1]!.timeNs) <= BigInt(timeNs));
    if (sender !== null && i > 10) assert.ok(seen.has(`${sender.reactor}.${sender.event}`), 'listed before the event that sent it');
    seen.add(`${reactor}.${number}`);
  }
  const table = await afterimage(['events', '--reactor', 'ledger', '--count', '1', path]);
  assert.match(table.stdout, /from .*\n.*matcher \d+/);
}
