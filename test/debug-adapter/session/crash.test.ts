// A crash, from the first stop to the event before and back: what a debugger is for.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { flightBoardSource, lineOf, recordFlightBoard } from '../../end-to-end/support/flight-recording';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, named } from './client';

const airportSource = path.join(path.dirname(flightBoardSource), 'airport.cc');
const REACT = 'FlightBoard::react';
const line = {
  first: lineOf(flightBoardSource, '++flights_;'),
  second: lineOf(flightBoardSource, 'airport(origin_of(flight)).depart(flight);'),
  route: lineOf(flightBoardSource, 'add_to_route(flight);'),
};

describe('a session on a crash', () => {
  const directory = temporaryDirectory();
  let recording: string;
  let crash: number;
  let client: Client;

  before(async () => {
    recording = await recordFlightBoard(directory.path);
    crash = openRecording(recording).crashedReactor()!.crashEvent!;
  });
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  const number = (n: number) => n.toLocaleString('en-US');
  const launch = (more: object = {}) => client.launch({ recording, ...more });
  const top = ({ frames }: { frames: { name: string; line: number }[] }) => [frames[0]!.name, frames[0]!.line];

  describe('begins', () => {
    it('at the first line of the react() that crashed', async () => {
      const stopped = await launch();
      assert.equal(stopped.reason, 'entry');
      assert.deepEqual(top(stopped), [REACT, line.first]);
      assert.equal(stopped.frames[0]!.source?.path, fs.realpathSync(flightBoardSource));
      assert.equal(stopped.thread, `board · event ${number(crash)} of ${number(crash + 1)}`);
      assert.deepEqual([client.position!.position, client.position!.crashEvent, client.position!.faithful], [crash, crash, true]);
    });

    it('shows none of the frames below react()', async () => {
      assert.deepEqual(
        (await launch()).frames.map(({ name }) => name),
        [REACT],
      );
    });

    it('at the first event on request', async () => {
      const stopped = await launch({ stopAt: 'start' });
      assert.deepEqual([...top(stopped), client.position!.position], [REACT, line.first, 0]);
    });

    it('at any event on request, of a reactor by name', async () => {
      const stopped = await launch({ stopAt: crash - 7, reactor: 'board' });
      assert.deepEqual([...top(stopped), client.position!.position], [REACT, line.first, crash - 7]);
    });
  });

  describe('shows', () => {
    it('the elements of a std::map of the reactor', async () => {
      const [frame] = (await launch()).frames;
      const airports = named(await client.scope(frame!, 'Reactor'), 'airports_');
      assert.match(airports.value, /^std::map with \d+ elements$/);
      assert.equal(airports.type, 'std::map<std::string, Airport>');
      const firstThree = await client.variables(airports.variablesReference, { start: 0, count: 3 });
      assert.deepEqual(
        firstThree.map(({ name }) => name),
        ['["ABE"]', '["ABI"]', '["ABQ"]'],
      );
      assert.ok(named(await client.variables(firstThree[0]!.variablesReference), 'statistics').indexedVariables! > 0);
    });

    it('a page from the middle of a container', async () => {
      const [frame] = (await launch()).frames;
      const recent = named(await client.scope(frame!, 'Reactor'), 'recent_');
      assert.equal(recent.indexedVariables, 100);
      const page = await client.variables(recent.variablesReference, { start: 97, count: 100 });
      assert.deepEqual(
        page.map(({ name }) => name),
        ['[97]', '[98]', '[99]'],
      );
    });

    it('the event, decoded, and its argument', async () => {
      const [frame] = (await launch()).frames;
      const event = await client.scope(frame!, 'Event');
      assert.match(named(event, '[event]').value, new RegExp(`^${number(crash)} · Flight · `));
      const flight = named(await client.scope(frame!, 'Locals'), 'flight');
      const origin = named(await client.variables(flight.variablesReference), 'origin');
      assert.equal(named(event, 'origin').value, origin.value);
    });

    it('the value of an expression, and no change by one', async () => {
      const [frame] = (await launch()).frames;
      assert.equal(await client.evaluate('flights_', frame!), String(crash));
      assert.match(await client.evaluate('> print sizeof(Flight)', frame!, 'repl'), /= 24$/);
      for (const expression of ['flights_ = 0', 'flights_++', 'react(flight)', '$rip = 0']) {
        await assert.rejects(client.evaluate(expression, frame!), /may only look/, expression);
      }
      await assert.rejects(client.evaluate('> continue', frame!, 'repl'), /"continue" is not offered/);
      await assert.rejects(client.evaluate('nonsense', frame!), /No symbol "nonsense" in current context/);
      assert.equal(await client.evaluate('flights_', frame!), String(crash));
    });

    it('memory', async () => {
      const [frame] = (await launch()).frames;
      const { memoryReference } = named(await client.scope(frame!, 'Event'), '[event]');
      const { data } = await client.memory(memoryReference!, 24);
      const log = openRecording(recording).log(0);
      assert.deepEqual(Buffer.from(data!, 'base64'), Buffer.from(log.event(crash).payload));
      assert.deepEqual(await client.memory('0x0', 8), { address: '0x0', unreadableBytes: 8, data: '' });
    });

    it('a page of events', async () => {
      await launch();
      const { body } = await client.dc.customRequest('afterimage.events', { from: crash - 1, count: 10 });
      const rows = (body as { events: { number: number; type: string; durationNs?: number }[] }).events;
      assert.deepEqual(
        rows.map((row) => [row.number, row.type, row.durationNs === undefined]),
        [
          [crash - 1, 'Flight', false],
          [crash, 'Flight', true],
        ],
      );
    });
  });

  describe('moves', () => {
    it('into the crash, and says that it is the recorded one', async () => {
      await launch();
      const stopped = await client.continue();
      assert.equal(stopped.reason, 'exception');
      assert.match(stopped.text!, /^SIG(SEGV|BUS|ABRT)/);
      assert.equal(stopped.frames.at(-1)!.name, REACT);
      const { body } = await client.dc.exceptionInfoRequest({ threadId: 1 });
      assert.match(body.exceptionId, /^SIG/);
      assert.match(body.description!, /The same as recorded/);
    });

    it('nowhere after the crash, but back', async () => {
      await launch();
      const crashed = await client.continue();
      for (const forward of [client.continue, client.next, client.stepIn, client.stepOut]) {
        const again = await forward();
        assert.deepEqual([again.reason, ...top(again)], ['exception', ...top(crashed)]);
      }
      const back = await client.seek(crash - 3);
      assert.deepEqual([back.reason, ...top(back), client.position!.position], ['goto', REACT, line.first, crash - 3]);
      assert.equal(await client.evaluate('flights_', back.frames[0]!), String(crash - 3));
      assert.equal((await client.custom('toCrash')).reason, 'exception');
    });

    it('to the previous event and the next', async () => {
      await launch();
      const previous = await client.custom('previousEvent');
      assert.deepEqual([previous.reason, ...top(previous), client.position!.position], ['goto', REACT, line.first, crash - 1]);
      assert.equal(await client.evaluate('flights_', previous.frames[0]!), String(crash - 1));
      await client.custom('previousEvent');
      await client.next();
      const next = await client.custom('nextEvent');
      assert.deepEqual([...top(next), client.position!.position], [REACT, line.first, crash - 1]);
    });

    it('far forward from inside an event', async () => {
      await launch({ stopAt: 5 });
      await client.next();
      const stopped = await client.seek(crash - 100);
      assert.deepEqual([...top(stopped), client.position!.position], [REACT, line.first, crash - 100]);
      assert.equal(await client.evaluate('flights_', stopped.frames[0]!), String(crash - 100));
    });

    it('line by line, out of one event and into the next', async () => {
      await launch({ stopAt: 10 });
      assert.deepEqual(top(await client.next()), [REACT, line.second]);
      const [, reached] = [await client.stepOut(), client.position!];
      assert.equal(reached.position, 11);
      for (let steps = 0; client.position!.position === 11; steps++) {
        assert.ok(steps < 100, 'react() does not end');
        await client.next();
      }
      assert.equal(client.position!.position, 12);
    });

    it('into a function and out of it', async () => {
      await launch({ stopAt: 10 });
      await client.breakpoints(airportSource, [{ line: lineOf(airportSource, 'for (const auto& statistic') }]);
      const inside = await client.continue();
      assert.deepEqual([inside.frames[0]!.name, inside.frames.at(-1)!.name], ['Airport::depart', REACT]);
      const outside = await client.stepOut();
      assert.deepEqual([outside.frames[0]!.name, client.position!.position], [REACT, 10]);
    });

    it('by one instruction', async () => {
      const [frame] = (await launch()).frames;
      const instruction = (at: { instructionPointerReference?: string }) => Number(BigInt(at.instructionPointerReference!));
      for (const request of ['next', 'stepIn'] as const) {
        const stopped = await client.stop(() => client.dc.send(request as never, { threadId: 1, granularity: 'instruction' } as never));
        const bytes = instruction(stopped.frames[0]!) - instruction(frame!);
        assert.ok(bytes > 0 && bytes < 32, `${bytes} bytes on`);
      }
    });

    it('not beyond the timeline', async () => {
      await launch({ stopAt: 'start' });
      await assert.rejects(client.dc.customRequest('afterimage.previousEvent'), /Event 0 is the first/);
      await assert.rejects(
        client.dc.customRequest('afterimage.seek', { event: crash + 2 }),
        /cannot be reached: this replay goes from event 0/,
      );
      await assert.rejects(client.dc.customRequest('afterimage.seek', { event: 'x' }), /arguments of afterimage.seek are not right/);
      await assert.rejects(client.dc.customRequest('afterimage.nonsense'), /has no request "afterimage.nonsense"/);
    });
  });

  describe('stops at breakpoints', () => {
    it('set before the program is shown', async () => {
      let answer: { verified: boolean; line?: number }[] = [];
      await client.launch({ recording, stopAt: 20 }, async () => {
        answer = await client.breakpoints(flightBoardSource, [{ line: line.route }]);
      });
      assert.deepEqual([answer[0]!.verified, answer[0]!.line], [true, line.route]);
      const stopped = await client.continue();
      assert.deepEqual([stopped.reason, ...top(stopped), client.position!.position], ['breakpoint', REACT, line.route, 20]);
      await client.continue();
      assert.equal(client.position!.position, 21);
      await client.breakpoints(flightBoardSource, []);
      assert.equal((await client.continue()).reason, 'exception');
    });

    it('but not on the way to an event', async () => {
      await launch();
      await client.breakpoints(flightBoardSource, [{ line: line.route }]);
      const stopped = await client.seek(30);
      assert.deepEqual([stopped.reason, ...top(stopped), client.position!.position], ['goto', REACT, line.first, 30]);
    });

    it('with a condition', async () => {
      await launch({ stopAt: 20 });
      await client.breakpoints(flightBoardSource, [{ line: line.route, condition: 'flights_ == 51' }]);
      await client.continue();
      assert.equal(client.position!.position, 50);
    });

    it('at a hit', async () => {
      await launch({ stopAt: 20 });
      await client.breakpoints(flightBoardSource, [{ line: line.route, hitCondition: '== 5' }]);
      await client.continue();
      assert.equal(client.position!.position, 24);
    });

    it('or only logs there', async () => {
      await launch({ stopAt: crash - 3 });
      await client.breakpoints(flightBoardSource, [{ line: line.route, logMessage: 'flight {flights_} from {flight.origin}' }]);
      assert.equal((await client.continue()).reason, 'exception');
      const logged = client.output.filter((text) => text.startsWith('flight '));
      assert.equal(logged.length, 3);
      assert.match(logged[0]!, new RegExp(`^flight ${crash - 2} from [A-Z]{3}`));
    });

    it('of functions', async () => {
      await launch({ stopAt: 20 });
      const { body } = await client.dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'Airport::arrive' }] });
      assert.equal(body.breakpoints[0]!.verified, true);
      const stopped = await client.continue();
      assert.equal(stopped.reason, 'function breakpoint');
      assert.match(stopped.frames[0]!.name, /^Airport::arrive/);
    });

    it('and says where there is no code', async () => {
      await launch({ stopAt: 20 });
      const [breakpoint] = await client.breakpoints('/nowhere/else.cc', [{ line: 1 }]);
      assert.deepEqual([breakpoint!.verified, breakpoint!.message], [false, 'The recorded program has no code here.']);
    });
  });
});
