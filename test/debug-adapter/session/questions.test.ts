// Questions in a session: asked where the session stands, about all events of the recording.
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { flightBoardSource, lineOf, recordFlightBoard } from '../../end-to-end/support/flight-recording';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, type Stopped } from './client';

const DAMAGE = 377; // the flight that arrived 212 minutes early
const counting = lineOf(flightBoardSource, '++flights_;');
const place = ({ frames }: Stopped) => [frames[0]!.name, frames[0]!.line];

describe('a session that is asked', function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();
  let recording: string;
  let client: Client;

  before(async () => {
    recording = await recordFlightBoard(directory.path);
  });
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  const ask = async (question: string, args: object) => (await client.dc.customRequest(`afterimage.${question}`, args)).body;

  /** Who wrote this last? Goes there. */
  async function whoWrote(expression: string, { frames }: Stopped): Promise<Stopped & { answer: Record<string, unknown> }> {
    let answer = {};
    const stopped = await client.stop(async () => (answer = await ask('lastWrite', { expression, frameId: frames[0]!.id })));
    return { ...stopped, answer };
  }

  describe('who wrote a variable last', () => {
    it('goes to the line, in the event before', async () => {
      const entry = await client.launch({ recording, stopAt: 1000 });
      const { answer, ...stopped } = await whoWrote('flights_', entry);
      assert.deepEqual([stopped.reason, stopped.description], ['data breakpoint', 'Paused before the write']);
      assert.equal(client.position!.position, 999);
      assert.equal(await client.evaluate('flights_', stopped.frames[0]!), '999'); // not yet
      assert.deepEqual([answer['expression'], answer['event'], answer['bytes']], ['flights_', 999, 8]);
    });

    it('goes to the line, in the event in which it stands', async () => {
      await client.launch({ recording, stopAt: 1000 });
      let behind = await client.next();
      while ((await client.evaluate('flights_', behind.frames[0]!)) === '1000') behind = await client.next();
      const { answer, ...stopped } = await whoWrote('flights_', behind);
      assert.deepEqual([client.position!.position, answer['event']], [1000, 1000]);
      assert.deepEqual([place(stopped)[0], await client.evaluate('flights_', stopped.frames[0]!)], ['FlightBoard::react', '1000']);
      const before = await whoWrote('flights_', stopped); // and the write before that one
      assert.deepEqual([client.position!.position, before.answer['event']], [999, 999]);
    });

    it('goes from the crash to the damage, thousands of events before', async () => {
      const crashed = await client.launch({ recording }).then(() => client.custom('toCrash'));
      // A virtual call that leads nowhere: who wrote over the object's pointer to its table of functions?
      const { answer, ...stopped } = await whoWrote('*(unsigned long *)$rdi', crashed);
      assert.deepEqual([client.position!.position, answer['event']], [DAMAGE, DAMAGE]);
      assert.equal(stopped.frames[0]!.name, 'DelayHistogram::add');
      assert.notEqual(answer['before'], answer['after']);
    });

    it('steps back from there as from anywhere', async () => {
      await whoWrote('flights_', await client.launch({ recording, stopAt: 1000 }));
      const back = await client.stepBack();
      assert.deepEqual([client.position!.position, await client.evaluate('flights_', back.frames[0]!)], [999, '999']);
    });

    it('stays where it is when nobody did', async () => {
      const entry = await client.launch({ recording, stopAt: 'start' });
      const { answer, ...stopped } = await whoWrote('flights_', entry);
      assert.deepEqual([place(stopped), answer['event']], [['FlightBoard::react', counting], null]);
    });

    it('stays where it is when the question makes no sense, and says why', async () => {
      const entry = await client.launch({ recording, stopAt: 1000 });
      for (const [expression, complaint] of [
        ['flights_ + 1', /"flights_ \+ 1" is a computed value or in a register/],
        ['no_such_name', /No symbol "no_such_name"/],
        ['', /expression/],
      ] as const) {
        const stopped = await client.stop(() => assert.rejects(ask('lastWrite', { expression, frameId: entry.frames[0]!.id }), complaint));
        assert.deepEqual([place(stopped), client.position!.position], [['FlightBoard::react', counting], 1000], expression);
      }
    });
  });

  describe('what would have been', () => {
    it('without the event that does the damage: no crash', async () => {
      await client.launch({ recording, stopAt: 1000 });
      const { crash, position, end, text } = await ask('whatIf', { event: DAMAGE });
      assert.deepEqual([crash, position, text], [null, end, null]);
      assert.equal(client.position!.position, 1000);
    });

    it('without another one: the same crash', async () => {
      await client.launch({ recording });
      const { crash, end } = await ask('whatIf', { event: DAMAGE - 1 });
      assert.deepEqual(crash, { event: end - 1, signal: 'SIGSEGV', isSame: true });
    });

    it('had an event brought something else', async () => {
      await client.launch({ recording });
      const { crash, text } = await ask('whatIf', { event: DAMAGE, set: 'delay_minutes = 5; origin = "SFO"' });
      assert.equal(crash, null);
      assert.match(text, /delay_minutes = 5,.*origin = "SFO"/s);
    });

    it('says what it did not understand', async () => {
      await client.launch({ recording });
      await assert.rejects(ask('whatIf', { event: DAMAGE, set: 'sooner' }), /"sooner" gives no member of the event a value\. Write/);
      await assert.rejects(ask('whatIf', { event: DAMAGE, set: 'price = 1' }), /Event 377 could not be changed: .*price/);
      await assert.rejects(ask('whatIf', { event: 9_999_999 }), /Event 9,999,999 cannot be replayed otherwise; events 0 to/);
    });
  });

  describe('where something is so', () => {
    it('answers with events, and stays where it is', async () => {
      const entry = await client.launch({ recording, stopAt: 1000 });
      const { events, faithful } = await ask('find', { expression: 'flight.delay_minutes < -90' });
      assert.deepEqual([events.length, events[0].number, events[0].type, faithful], [1, DAMAGE, 'Flight', true]);
      assert.equal(client.position!.position, 1000);
      assert.equal(await client.evaluate('flights_', entry.frames[0]!), '1000');
    });

    it('answers with all events at once, as stretches', async () => {
      await client.launch({ recording });
      const few = await ask('filter', { expression: 'flight.delay_minutes < -90' });
      assert.deepEqual([few.stretches, few.faithful], [[[DAMAGE, DAMAGE + 1]], true]);
      const all = await ask('filter', { expression: 'flights_ > 10' });
      assert.deepEqual(all.stretches, [[10, all.to]]); // the first ten leave it at ten
    });

    it('answers with the values that something had', async () => {
      await client.launch({ recording, stopAt: 1000 });
      const { values } = await ask('history', { expression: 'flights_', count: 3 });
      assert.deepEqual(values, [
        { event: null, value: '0' },
        { event: 0, value: '1' },
        { event: 1, value: '2' },
        { event: 2, value: '3' },
      ]);
    });

    it('answers who allocated and freed what a pointer leads to, and what anything else is in', async () => {
      const { frames } = await client.launch({ recording, stopAt: 1000 });
      const calls = (expression: string) => ask('heapCalls', { expression, frameId: frames[0]!.id });
      const node = await calls('days_._M_t._M_impl._M_header._M_right');
      const [{ event, what, places }] = node.calls.slice(-1);
      assert.deepEqual([event, what, places[0].function, node.faithful], [0, 'allocated', 'FlightBoard::remember', true]);
      assert.equal(BigInt(node.address), BigInt(await client.evaluate('(unsigned long)days_._M_t._M_impl._M_header._M_right', frames[0]!)));
      const reactor = await calls('*this');
      assert.deepEqual([reactor.calls, reactor.count], [[], 0]); // before all events
      await assert.rejects(calls('$sp'), /is not in the memory of board/);
      await assert.rejects(calls('1 + 1'), /"1 \+ 1" is a computed value/);
      assert.equal(client.position!.position, 1000);
    });

    it('says what it did not understand', async () => {
      await client.launch({ recording, stopAt: 1000 });
      await assert.rejects(
        ask('find', { expression: 'no_such_name > 1' }),
        /"no_such_name > 1" cannot be evaluated between events: No symbol/,
      );
    });

    it('shows how far it has come, and can be withdrawn', async () => {
      await client.launch({ recording, stopAt: 1000 });
      await client.dc.initializeRequest({ adapterID: 'afterimage', pathFormat: 'path', supportsProgressReporting: true });
      const started = client.dc.waitForEvent('progressStart') as Promise<DebugProtocol.ProgressStartEvent>;
      const ended = client.dc.waitForEvent('progressEnd');
      const answer = assert.rejects(ask('find', { expression: 'flight.delay_minutes < -5000' }), /The question was withdrawn/);
      const { title, cancellable, progressId } = (await started).body;
      assert.deepEqual([title, cancellable], ['Looking for events after which flight.delay_minutes < -5000', true]);
      await client.dc.customRequest('cancel', { progressId });
      await Promise.all([answer, ended]);
    });
  });
});
