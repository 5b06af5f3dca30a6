// Other programs: a plugin that was opened with dlopen, reactors that deliver to one another, events with a codec.
import assert from 'node:assert/strict';
import * as path from 'node:path';
import { grouped, openRecording } from '../../../debug-adapter/recording';
import { lineOf } from '../../end-to-end/support/flight-recording';
import { recordCrash, root } from '../../support/fixture-programs';
import { recordKvCrash, sellPears } from '../../support/kv-server';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, named, type Stopped } from './client';

const matcherSource = path.join(root, 'fixtures/programs/three-reactors/matcher.cc');

const names = ({ frames }: Stopped) => frames.map(({ name }) => name);

describe('a session on a plugin', () => {
  const directory = temporaryDirectory();
  let client: Client;
  let recording: string;

  before(async () => (recording = await recordCrash('plugin-host', directory.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  it('crashes in the library, as recorded', async () => {
    await client.launch({ recording });
    const stopped = await client.continue();
    assert.match(names(stopped)[0]!, /Vouchers::redeem/);
    assert.equal(names(stopped).at(-1), 'Shop::react');
    const { body } = await client.dc.exceptionInfoRequest({ threadId: 1 });
    assert.match(body.description!, /SIGSEGV .*The same as recorded/);
  });

  it('shows objects behind pointers to a base class as what they are', async () => {
    const [frame] = (await client.launch({ recording })).frames;
    const book = named(await client.scope(frame!, 'Reactor'), 'rule_book_');
    const rules = named(await client.variables(book.variablesReference), 'rules');
    assert.match(rules.value, /of length 3/);
    const [, , vouchers] = await client.variables(rules.variablesReference);
    assert.match(vouchers!.value, /^std::shared_ptr<Rule> \(use count 1/);
    const object = named(await client.variables(vouchers!.variablesReference), 'get()');
    const known = named(await client.variables(object.variablesReference), 'known_customers_');
    assert.match(known.value, /^std::map with \d+ elements$/);
  });
});

describe('a session on reactors that deliver to one another', () => {
  const directory = temporaryDirectory();
  let client: Client;
  let recording: string;

  before(async () => (recording = await recordCrash('three-reactors', directory.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  it('replays the one that crashed, and names the signal', async () => {
    assert.equal(names(await client.launch({ recording }))[0], 'Ledger::react');
    const stopped = await client.continue();
    assert.equal(stopped.description, 'Paused on SIGFPE');
    assert.match(
      (await client.dc.exceptionInfoRequest({ threadId: 1 })).body.description!,
      /integer division by zero.*The same as recorded/,
    );
  });

  it('replays one that waited for it, to the end of its recording', async () => {
    const { end } = openRecording(recording).log(1);
    await client.launch({ recording, reactor: 'matcher' });
    assert.equal(client.position!.position, end - 1);
    const last = await client.continue();
    assert.equal(last.description, `End of the recording, after event ${grouped(end - 1)}`);
    assert.equal(last.frames.length, 1);
    assert.deepEqual(
      (await client.scopes(last.frames[0]!)).map(({ name }) => name),
      ['Reactor'],
    );
    assert.match(named(await client.scope(last.frames[0]!, 'Reactor'), 'books_').value, /std::.*map with \d+ element/);
    assert.equal((await client.next()).description, last.description);
    await assert.rejects(client.dc.customRequest('afterimage.nextEvent'), /end of the recording/);
    await client.custom('previousEvent');
    assert.equal(client.position!.position, end - 1);
  });

  it('steps over a delivery to another reactor', async () => {
    await client.launch({ recording, reactor: 'matcher', stopAt: 'start' });
    await client.breakpoints(matcherSource, [{ line: lineOf(matcherSource, 'trade(buy->second, sell->second);') }]);
    assert.equal((await client.continue()).reason, 'breakpoint');
    await client.breakpoints(matcherSource, []);
    const event = client.position!.position;
    for (let steps = 0; client.position!.position === event; steps++) {
      assert.ok(steps < 200, 'react() does not end');
      assert.doesNotMatch(names(await client.stepIn())[0]!, /^afterimage/, 'stops in the library');
    }
    assert.equal(client.position!.position, event + 1);
  });

  it('shows an event with a codec as bytes, and decoded as the argument of react()', async () => {
    const [frame] = (await client.launch({ recording, reactor: 'gateway', stopAt: 5 })).frames;
    assert.match(named(await client.scope(frame!, 'Event'), '[custom payload]').value, /^\d+ bytes: [0-9a-f ]+/);
    const instruction = named(await client.scope(frame!, 'Locals'), 'instruction');
    assert.match(instruction.value, /text = "(BUY|SELL|CANCEL)/);
  });

  it('begins at the first reactor’s crash for every client that only knows DAP', async () => {
    const { dc } = client;
    await Promise.all([dc.configurationSequence(), dc.launch({ recording } as never), dc.waitForEvent('stopped')]);
    await Promise.all([dc.waitForEvent('stopped'), dc.nextRequest({ threadId: 1 })]);
    const { body } = await dc.stackTraceRequest({ threadId: 1 });
    assert.equal(body.stackFrames.at(-1)!.name, 'Ledger::react');
  });
});

describe('a session on a server', () => {
  const directory = temporaryDirectory();
  let client: Client;
  let recording: string;

  before(async () => (recording = await recordKvCrash(directory.path, sellPears)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  it('shows at the crash the key that was not found: an iterator, kept in a register, that points nowhere', async () => {
    assert.deepEqual(names(await client.launch({ recording })), ['Store::react']);
    const { frames } = await client.continue();
    const remove = frames.find(({ name }) => name === 'Keyspace::remove');
    assert.ok(remove, frames.map(({ name }) => name).join(', '));
    const entry = named(await client.scope(remove, 'Locals'), 'entry');
    const [base] = await client.variables(entry.variablesReference);
    assert.equal(named(await client.variables(base!.variablesReference), '_M_cur').value, '0x0');
  });
});

describe('a session on a reactor in C', () => {
  const directory = temporaryDirectory();
  const source = path.join(root, 'fixtures/programs/weather-station/main.c');
  let client: Client;
  let recording: string;

  before(async () => (recording = await recordCrash('weather-station', directory.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  it('begins in its function, and goes on to the crash', async () => {
    const begun = await client.launch({ recording });
    assert.deepEqual(names(begun), ['react']);
    assert.equal(begun.frames[0]!.source?.path, source);
    const crashed = await client.continue();
    assert.equal(crashed.frames[0]!.line, lineOf(source, 'sensor->measured[sensor->count'));
  });

  it('shows the object behind its pointer', async () => {
    await client.launch({ recording });
    const { frames } = await client.next();
    const station = named(await client.scope(frames[0]!, 'Locals'), 'station');
    const sensors = named(await client.variables(station.variablesReference), 'sensors');
    const [first] = await client.variables(sensors.variablesReference);
    assert.match(named(await client.variables(first!.variablesReference), 'name').value, /no 0|roof|garden|kitchen|cellar|attic/);
  });
});
