// Questions to a recording, each answered by replaying it: find, history, last-write, first-write, touched, diff. The answers are
// compared with the data that the program was given.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { grouped, openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { flightBytes, flightsFile, programPath, recordCrash } from '../../support/fixture-programs';

const DELAY = 8; // offsets in struct Flight, fixtures/programs/flight-board/flight.h
const ORIGIN = 16;
// The key of the first node of the multimap that most_delayed_ keeps, the greatest delay first.
const LEAST_NODE_KEY = '*(int*)((char*)most_delayed_.flights_._M_t._M_impl._M_header._M_left + 32)';
const GUILTY = 515_377; // the first absurd record: test/end-to-end/find-the-damage.test.ts

describe('afterimage, asked about flight-board', function () {
  this.timeout(120_000);
  let scratch: string;
  let recording: string;
  let crashEvent: number;
  let flights: Buffer;

  before(async () => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-queries-'));
    recording = await recordCrash('flight-board', scratch);
    crashEvent = openRecording(recording).crash!.event!;
    flights = fs.readFileSync(flightsFile);
  });
  after(() => fs.rmSync(scratch, { recursive: true }));

  const delayOf = (event: number) => flights.readInt32LE(event * flightBytes + DELAY);
  const originOf = (event: number) => flights.toString('latin1', event * flightBytes + ORIGIN, event * flightBytes + ORIGIN + 3);
  const everyEvent = () => [...Array(crashEvent).keys()];
  const ask = async (command: string, ...options: string[]) => {
    const { code, stdout, stderr } = await afterimage([command, recording, '--json', ...options]);
    assert.notEqual(stdout, '', stderr);
    return { code, ...JSON.parse(stdout) };
  };

  describe('find', () => {
    it('names the first event after which an expression is true', async () => {
      const { code, events, faithful } = await ask('find', '--expression', 'flight.delay_minutes < -90');
      assert.deepEqual([code, events.map((event: { number: number }) => event.number), faithful], [0, [GUILTY], true]);
      assert.equal(events[0].payload, flights.subarray(GUILTY * flightBytes, (GUILTY + 1) * flightBytes).toString('hex'));
    });

    it('names all of them, with members and the event in one expression', async () => {
      const expression = "flight.delay_minutes > 120 && flight.origin[0] == 'A' && flights_ > 1000";
      const { events } = await ask('find', '--all', '--expression', expression);
      const expected = everyEvent().filter((event) => event >= 1000 && delayOf(event) > 120 && originOf(event).startsWith('A'));
      assert.ok(expected.length > 5);
      assert.deepEqual(events.map((event: { number: number }) => event.number), expected); // prettier-ignore
    });

    it('stays in a range, and ends at a number', async () => {
      const { events } = await ask('find', '--expression', 'flights_ > 0', '--from', '500', '--to', '600', '--count', '3');
      assert.deepEqual(events.map((event: { number: number }) => event.number), [500, 501, 502]); // prettier-ignore
    });

    it('says so when it is never true, and ends with 1', async () => {
      const { code, stdout } = await afterimage(['find', recording, '--expression', 'flights_ == 0']);
      assert.equal(stdout, `In events 0 to ${grouped(crashEvent - 1)} it is never true that flights_ == 0.\n`);
      assert.equal(code, 1);
    });

    it('counts the events after which a pointer leads nowhere', async () => {
      const expression = '*(int*)(flight.delay_minutes == 0 ? (long)0 : (long)this) == -1';
      const { unreadable } = await ask('find', '--expression', expression, '--to', '1000');
      assert.equal(unreadable, everyEvent().filter((event) => event < 1000 && delayOf(event) === 0).length);
    });

    it('speaks in sentences', async () => {
      const { stdout } = await afterimage(['find', recording, '--expression', 'flight.delay_minutes < -90']);
      assert.match(
        stdout,
        /^Event 515,377 is the first after which flight\.delay_minutes < -90\.\n\nboard FlightBoard, .*\n +number .*\n515,377 .*\n +\{departure = \d+, delay_minutes = -212, /,
      );
    });
  });

  it('find shows a value that is more than true', async () => {
    const { stdout } = await afterimage(['find', recording, '--expression', 'flights_ * 2', '--count', '2']);
    assert.match(
      stdout,
      /^After 2 events it is true that flights_ \* 2, the first is event 0\.\n\n.*\n *number .* value {2}payload\n +0 .* 2\n(.*\n){2} +1 .* 4\n/,
    );
  });

  describe('history', () => {
    it('shows how a value changed, from what it was before', async () => {
      const { values } = await ask('history', '--expression', LEAST_NODE_KEY, '--to', '2000');
      const expected: { event: number | null; value: string }[] = [];
      let most = -Infinity;
      for (const event of everyEvent().slice(0, 2000)) {
        if (delayOf(event) <= most) continue;
        most = delayOf(event);
        expected.push({ event, value: String(most) });
      }
      assert.deepEqual(values.filter((value: { event: number | null }) => value.event !== null), expected); // prettier-ignore
    });

    it('says that there may be more', async () => {
      const { stdout } = await afterimage(['history', recording, '--expression', 'flights_', '--count', '2']);
      assert.equal(
        stdout,
        'flights_ changed in 2 events from 0 to 1.\n      event  value\n     before  0\n          0  1\n          1  2\nThere may be more: --count 20.\n',
      );
    });
  });

  describe('last-write and first-write', () => {
    it('take an expression, and mean the storage that it has at the end', async () => {
      const last = await ask('last-write', '--expression', 'flights_', '--before', '1000');
      assert.deepEqual([last.event.number, last.bytes, last.writes, last.firstEvent], [999, 8, 1000, 0]);
      assert.equal(BigInt(last.address), openRecording(recording).reactor('board').object);
      const first = await ask('first-write', '--expression', 'flights_', '--before', '1000');
      assert.deepEqual([first.event.number, first.address, first.bytesAfter], [0, last.address, '0100000000000000']);
    });

    it('follow pointers, through typedefs of them too', async () => {
      const expression = 'recent_._M_impl._M_start._M_cur->origin';
      const { bytes, event, bytesAfter } = await ask('last-write', '--expression', expression, '--before', '5000');
      assert.equal(bytes, 4);
      assert.equal(event.number, 4900, 'a hundred flights are kept');
      assert.equal(Buffer.from(bytesAfter, 'hex').toString('latin1', 0, 3), originOf(4900));
    });

    it('say the numbers, too, and take 8 bytes where none are given', async () => {
      const { object } = openRecording(recording).reactor('board');
      const { stdout } = await afterimage(['last-write', recording, '--address', object.toString(16), '--before', '300']);
      assert.match(stdout, /^Event 299 was the last to change the 8 bytes at 0x/);
      assert.match(stdout, /\n {2}before {2}2b 01 00 00 00 00 00 00 {2}= 299\n {2}after {3}2c 01 00 00 00 00 00 00 {2}= 300\n/);
      assert.match(stdout, /\n {2}writes {2}300 events changed it, from event 0 on\n/);
    });

    it('end with 1 when nothing was written', async () => {
      const { code, stdout } = await afterimage(['first-write', recording, '--expression', 'most_delayed_.places_', '--before', '50']);
      assert.match(stdout, /^No event before 50 changed most_delayed_\.places_ \(8 bytes at 0x/);
      assert.equal(code, 1);
    });
  });

  describe('touched', () => {
    it('tells when the block at an address came into use', async () => {
      const first = await ask('history', '--expression', '(long)days_._M_t._M_impl._M_header._M_right', '--to', '10');
      const node = BigInt(first.values.at(-1).value).toString(16);
      const { blocks } = await ask('touched', '--address', node, '--to', '10');
      assert.deepEqual(blocks.map(({ event, state }: { event: number; state: string }) => [event, state]).at(-1), [0, 'live']);
      assert.equal(blocks.at(-1).address, `0x${node}`);
      const { stdout } = await afterimage(['touched', recording, '--address', node, '--to', '10']);
      assert.match(stdout, /was allocated or freed in \d events? from event 0 to\s+9\.\n {6}event {2}block\n( +(before|\d) .*\n)* +0 {2}in use {2}\d+ B at 0x/);
    }); // prettier-ignore

    it('names who called', async () => {
      const first = await ask('history', '--expression', '(long)days_._M_t._M_impl._M_header._M_right', '--to', '10');
      const node = BigInt(first.values.at(-1).value).toString(16);
      const { calls } = await ask('touched', '--address', node, '--to', '10');
      const { event, number, what, address, places } = calls.at(-1);
      assert.deepEqual([event, number, what, address], [0, calls.length, 'allocated', `0x${node}`]);
      assert.deepEqual([places[0].function, path.basename(places[0].file)], ['FlightBoard::remember', 'flight_board.cc']);
      const withoutGdb = await ask('touched', '--address', node, '--to', '10', '--gdb', '/no/such/gdb');
      const [{ module, file }] = withoutGdb.calls.at(-1).places;
      assert.match(module, /^flight-board\+0x[0-9a-f]+$/);
      assert.equal(file, '');
    });
  });

  describe('diff', () => {
    it('shows what one event did: two objects of its class changed, and of one of them the virtual table', async () => {
      const { code, groups, blocks, count } = await ask('diff', '--from', String(GUILTY), '--to', String(GUILTY + 1));
      assert.equal(code, 0);
      assert.equal(count, groups.reduce((sum: number, group: { count: number }) => sum + group.count, 0)); // prettier-ignore
      const histograms = blocks.filter(({ type }: { type: string | null }) => type === 'DelayHistogram');
      const damaged = histograms.filter(({ words }: { words: { offset: number }[] }) => words.some(({ offset }) => offset === 0));
      assert.deepEqual([histograms.length, damaged.length], [2, 1]);
      const { object } = openRecording(recording).reactor('board');
      assert.equal(blocks.find(({ address }: { address: string }) => BigInt(address) === object).type, 'FlightBoard');
      assert.equal(groups.find(({ type }: { type: string | null }) => type === 'FlightBoard').count, 1);
      const [{ before: old, after: now }] = damaged[0].words;
      assert.equal(BigInt(now) - BigInt(old), 1n << 32n);
    });

    it('counts what was allocated by size, and shows as many as it was told to', async () => {
      const { stdout } = await afterimage(['diff', recording, '--to', '1000', '--limit', '2']);
      assert.match(stdout, /^From position 0 to 1,000: [\d,]+ blocks were allocated, 0 freed, [\d,]+ changed/);
      assert.match(stdout, /\nchanged +\d+ +192 {2}DelayHistogram\n/);
      assert.equal(stdout.match(/^(allocated|changed) +0x/gm)?.length, 4);
    });

    it('of a position with itself is empty', async () => {
      const { code, count, blocks } = await ask('diff', '--from', '1000', '--to', '1000');
      assert.deepEqual([code, count, blocks], [1, 0, []]);
    });
  });

  describe('complains in one sentence about', () => {
    const complaints: { title: string; args: string[]; says: RegExp }[] = [
      { title: 'a call', args: ['find', '--expression', 'flights() > 1'], says: /it calls a function or an overloaded operator/ },
      { title: 'an overloaded operator', args: ['find', '--expression', 'airports_["LAS"].x'], says: /it calls a function or an overl/ },
      { title: 'floating point', args: ['history', '--expression', 'flights_ * 0.5'], says: /not both integers|floating-point/ },
      { title: 'a whole object', args: ['history', '--expression', 'most_delayed_'], says: /it is a whole object; choose a number/ },
      { title: 'an unknown name', args: ['find', '--expression', 'fligths_'], says: /No symbol "fligths_" in current context/ },
      { title: 'what is stored nowhere', args: ['last-write', '--expression', 'flights_ + 1'], says: /a value that is stored nowhere/ },
      {
        title: 'a pointer that leads nowhere',
        args: ['last-write', '--expression', '*(int*)0'],
        says: /the 4 bytes at 0x0 are neither in/,
      },
      { title: 'no memory to watch', args: ['last-write'], says: /Say which memory: --expression, or --address \(and --bytes\)/ },
      {
        title: 'too much of it',
        args: ['last-write', '--expression', '*(char(*)[9999999])this'],
        says: /9,999,999 bytes are too many to watch/,
      },
      { title: 'positions in the wrong order', args: ['diff', '--from', '9', '--to', '3'], says: /Position 9 is behind position 3/ },
      { title: 'a missing gdb', args: ['find', '--gdb', '/nowhere/gdb', '--expression', 'flights_'], says: /\/nowhere\/gdb was not found/ },
      { title: 'an address elsewhere', args: ['touched', '--address', '0x10'], says: /0x10 is not in the memory of board/ },
    ];
    for (const { title, args, says } of complaints) {
      it(title, async () => {
        const [command = '', ...options] = args;
        const { code, stdout, stderr } = await afterimage([command, recording, ...options]);
        assert.match(stderr, says);
        assert.match(stderr, /^afterimage: [^\n]+\n$/);
        assert.deepEqual([code, stdout], [2, '']);
      });
    }
  });

  it('uses the very program that was recorded', async () => {
    const args = ['find', recording, '--program', programPath('plugin-host'), '--expression', 'flights_ > 0'];
    const { code, stderr } = await afterimage(args);
    assert.match(stderr, /is build \w+, but the recording was made by build/);
    assert.equal(code, 2);
  });
});
