// Events that own memory, and have no codec (fixtures/programs/order-desk): what was made in the reactor's heap is there again in the
// replay, at its addresses, for as long as the reactor keeps it. The recordings have digests of all memory after every event.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { madeEvent, openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { Client, named } from '../debug-adapter/session/client';
import { afterimage } from '../support/cli';
import { programPath, recordCrash, withDirectory } from '../support/fixture-programs';
import { inEnvironment, occupying } from '../support/slot-occupant';
import { temporaryDirectory } from '../support/temporary-directory';

const ORDERS = 400;

describe('events that are made in the reactor’s heap', function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  let recording: Recording;
  let last: number;

  before(async () => {
    recording = openRecording(await recordCrash('order-desk', directory.path, ['--events', String(ORDERS), '--digests', '--crash']));
    last = recording.reactor(0).crashEvent!;
  });
  after(() => recording.close());

  const ask = async (command: string, ...options: string[]) => {
    const { code, stdout, stderr } = await afterimage([command, recording.directory, '--json', ...options]);
    assert.notEqual(stdout, '', stderr);
    return { code, ...JSON.parse(stdout) };
  };

  it('lead to the same crash, and through the same memory', async () => {
    const { code, reactors } = await ask('verify');
    const [desk, shop] = reactors;
    assert.equal(code, 0);
    assert.deepEqual([desk.replay.divergences, desk.memory.differences, desk.replay.crash.event], [[], [], last]);
    assert.deepEqual([shop.replay.divergences, shop.memory.differences, shop.replay.crash], [[], [], null]);
    assert.ok(desk.memory.snapshots >= ORDERS / 40, 'one after each order that could not be made');
  });

  // The replay goes from snapshot to snapshot on its way, whose pages do not know that somebody asks.
  it('have memory of which it is known who allocated it, and who freed it', async () => {
    const log = recording.log(0);
    const events = Array.from({ length: 20 }, (_, i) => log.event(last - 200 + i)).filter((event) => event.type.codec === 'made');
    const { number, blocks } = { ...events[0]!, ...madeEvent(events[0]!)! };
    const { calls } = await ask('touched', '--reactor', '0', '--address', blocks.at(-1)!.address.toString(16));
    const [made, ...later] = calls.filter(({ event }: { event: number }) => event >= number);
    assert.deepEqual([made.event, made.what, made.places], [number, 'allocated', []]); // not inside react()
    const freed = later.find(({ what }: { what: string }) => what === 'freed');
    assert.ok(
      freed.places.some((place: { function: string }) => place.function.startsWith('OrderDesk::')),
      JSON.stringify(freed),
    );
  });

  it('are there again from whichever snapshot, and going back', async () => {
    const replayer = Replayer.start(recording, { reactor: 0, program: programPath('order-desk') });
    try {
      await replayer.ready();
      for (const position of [7, last, 3, last - 20, last >> 1, 1, last])
        assert.deepEqual(await replayer.run(position), { event: 'stopped', position, reason: 'target' });
      assert.deepEqual(replayer.divergences, []);
    } finally {
      replayer.kill();
    }
  });

  it('hold what they held where the reactor is moved', async () => {
    const environment = occupying(recording.reactor(0));
    const replayer = inEnvironment(environment, () => Replayer.start(recording, { reactor: 0, program: programPath('order-desk') }));
    try {
      await replayer.ready();
      for (const position of [last, 10, last - 5]) await replayer.run(position);
      assert.deepEqual([replayer.relocated?.from, replayer.divergences], [recording.reactor(0).heapBase, []]);
    } finally {
      replayer.kill();
    }
  });

  it('are shown as C++ has them, with all that they own', async () => {
    const { events } = await ask('events', '--reactor', 'desk', '--typed', '--type', 'Order', '--count', '2');
    const [before, crashing] = events.map(({ typed }: { typed: { value: unknown } }) => typed.value);
    assert.equal(before.customer, `the customer with the number ${ORDERS}`);
    assert.deepEqual(crashing.items, [{ product: 1, count: 2 }, { product: 3, count: 4 }]); // prettier-ignore
    assert.deepEqual(crashing.payment, [{ number: 'none', holder: 'nobody' }]);
    assert.match(events[0].typed.text, /account = std::shared_ptr<Account> .*0x4[0-9a-f]{11}\b/);
  });

  it('are shown in a session: inside react(), and from afar', async () => {
    const client = Client.start();
    try {
      const [frame] = (await client.launch({ recording: recording.directory, stopAt: last })).frames;
      const event = await client.scope(frame!, 'Event');
      assert.equal(named(event, 'customer').value, '"mallory"');
      const { body } = await client.dc.customRequest('afterimage.payload', { event: 0 });
      assert.match(body.text, /customer = "customer 1"/);
    } finally {
      await client.close();
    }
  });

  it('can be left out: without the last one nothing crashes, without an earlier one it does', async () => {
    assert.equal((await ask('what-if', '--without', String(last))).crash, null);
    assert.equal((await ask('what-if', '--without', String(last - 2))).sameCrash, true);
  });

  it('replay in a kinda-safe heap, which knows who has freed what, and where that is moved', () =>
    withDirectory(async (other) => {
      const path = await recordCrash('order-desk', other, ['--events', String(ORDERS), '--kinda-safe', '--crash']);
      const { code, stdout } = await afterimage(['verify', path]);
      assert.equal(code, 0, stdout);
      const safe = openRecording(path);
      const environment = occupying(safe.reactor(0));
      const replayer = inEnvironment(environment, () => Replayer.start(safe, { reactor: 0, program: programPath('order-desk') }));
      try {
        await replayer.ready();
        for (const position of [last - 5, 10, last - 5]) await replayer.run(position);
        assert.deepEqual([replayer.relocated?.from, replayer.divergences], [safe.reactor(0).heapBase, []]);
      } finally {
        replayer.kill();
        safe.close();
      }
    }));

  it('are hidden as a whole, where rules hide a member of them', () =>
    withDirectory(async (other) => {
      const [rules, packed, unpacked] = ['rules.json', 'packed.mcap', 'unpacked.afterimage'].map((name) => `${other}/${name}`);
      fs.writeFileSync(rules!, JSON.stringify({ rules: [{ type: 'Order', fields: ['customer'] }] }));
      assert.equal((await afterimage(['pack', '--redact', rules!, '-o', packed!, recording.directory])).code, 0);
      assert.equal((await afterimage(['unpack', '-o', unpacked!, packed!])).code, 0);
      const redacted = openRecording(unpacked!);
      assert.ok(
        redacted
          .log(0)
          .event(last)
          .payload.every((byte) => byte === 0),
      );
      assert.notEqual(redacted.log(0).event(last).payload.length, 0);
      redacted.close();
      const { code, stdout } = await afterimage(['events', '--count', '1', unpacked!]);
      assert.equal(code, 0);
      assert.match(stdout, /Order +232 +crashed +00000000/);
    }));

  it('are nothing that a check complains about', () =>
    withDirectory(async (other) => {
      const program = [programPath('order-desk'), '--directory', other, '--events', '100'];
      const { code, stdout } = await afterimage(['check', '--', ...program]);
      assert.equal(code, 0, stdout);
    }));

  it('are refused to another build, which may have other members', () =>
    withDirectory(async (other) => {
      const path = await recordCrash('order-desk', other, ['--events', '20', '--genesis', '--crash']);
      const { code, stderr } = await afterimage(['test', '--exe', programPath('order-desk'), path]);
      assert.equal(code, 2);
      assert.match(stderr, /^afterimage: desk cannot be tested with this build: .*deliver_made.*fits the recorded build only\./);
    }));
});
