// Twenty-two classes of bugs, one story each: the program crashes or ends with a wrong value, the replay does the same, and a developer who
// knows the program but not the mistake asks the command line until the guilty event is found. Which one that is only the program
// knows (fixtures/programs/bugs); it is compared at the very end.
import assert from 'node:assert/strict';
import { withDirectory } from '../support/fixture-programs';
import { Bug } from './support/bug';

interface Story {
  readonly bug: string;
  readonly title: string;
  readonly investigate: (bug: Bug) => Promise<void>;
}

/** The event that freed memory for the last time before another got it. */
const lastFree = (states: { event: number | null; state: string }[]) => states.findLast(({ state }) => state === 'free')?.event ?? null;

const stories: readonly Story[] = [
  {
    bug: 'use-after-free',
    title: 'a virtual call leads nowhere: the session was deleted when its user logged out',
    async investigate(bug) {
      // Which session is it that is served again?
      const last = await bug.atTheEnd('(long)last_');
      // What became of its memory?
      const memory = await bug.memoryAt(last);
      assert.deepEqual(memory.slice(-3).map(({ state }) => state), ['live', 'free', 'live']); // prettier-ignore
      // It was freed while it was still remembered; somebody else has it now.
      const freed = lastFree(memory);
      assert.equal((await bug.event(freed!)).fields[0], LOGOUT);
      assert.equal((await bug.callersAt(last, freed)).at(-1), 'use_after_free::Sessions::react');
      bug.wasDoneBy(freed);
    },
  },
  {
    bug: 'heap-overrun',
    title: 'a shape lost its virtual table to a long name',
    async investigate(bug) {
      // Which shape was to be drawn?
      const [, shape] = (await bug.lastEvent()).fields;
      // Its first eight bytes point to its virtual table. Who wrote there?
      const { delivered, after } = await bug.lastWrite(`*(long*)shapes_[${shape}]`);
      // A rename, and these are letters.
      assert.equal(delivered.fields[0], RENAME);
      assert.match(after.toString('latin1'), /^[a-z ]{4}/);
      bug.wasDoneBy(delivered.number);
    },
  },
  {
    bug: 'double-free',
    title: 'two accounts are one, since a coupon was freed twice',
    async investigate(bug) {
      await bug.endsWith('accounts_[7]->balance');
      // Who made account 7 rich?
      const { delivered, address } = await bug.lastWrite('accounts_[7]->balance');
      assert.equal(delivered.fields[1], 8, 'a deposit to account 8');
      // They share memory. Since when?
      const memory = await bug.memoryAt(address);
      assert.deepEqual(memory.slice(-5).map(({ state }) => state), ['live', 'free', 'live', 'free', 'live']); // prettier-ignore
      // It was free before it became account 7, and freed again while it was account 7.
      assert.equal((await bug.event(lastFree(memory)!)).fields[0], CLOSE_BASKET);
      bug.wasDoneBy(lastFree(memory));
    },
  },
  {
    bug: 'stale-iterator',
    title: 'the player jumps, for its track was removed while it played',
    async investigate(bug) {
      const key = '*(int*)((char*)playing_._M_node + 32)';
      await bug.endsWith(key);
      // Which tracks were played at the end, and in which events did that change?
      const [jump, end] = (await bug.history(key)).slice(-2);
      assert.deepEqual([jump!.value, end!.value], [1000n, 0n]);
      // The jump was no `next`, so the iterator itself did not move: its track changed below it.
      assert.equal((await bug.event(jump!.event!)).fields[0], ADD_TRACK);
      const memory = await bug.memoryAt(await bug.atTheEndBefore('(long)playing_._M_node', jump!.event!));
      // The memory of the track was free already.
      assert.deepEqual(memory.slice(-2).map(({ state }) => state), ['free', 'live']); // prettier-ignore
      bug.wasDoneBy(lastFree(memory));
    },
  },
  {
    bug: 'bad-downcast',
    title: 'an overdraft is an interest rate',
    async investigate(bug) {
      const overdraft = '((bad_downcast::Current*)accounts_[13])->overdraft';
      await bug.endsWith(overdraft);
      // Who set the overdraft of account 13 to 3?
      const { delivered } = await bug.lastWrite(overdraft);
      assert.deepEqual(delivered.fields.slice(0, 3), [SET_RATE, 13, 3]);
      // And what kind of account is it that was given an interest rate?
      const { blocks } = await bug.diff(delivered.number, delivered.number + 1);
      assert.deepEqual(blocks.map(({ type }) => type), ['bad_downcast::Current']); // prettier-ignore
      bug.wasDoneBy(delivered.number);
    },
  },
  {
    bug: 'integer-overflow',
    title: 'a turnover below nothing',
    async investigate(bug) {
      await bug.endsWith('turnover_cents_');
      bug.wasDoneBy((await bug.firstWhere('turnover_cents_ < 0')).number);
    },
  },
  {
    bug: 'lost-update',
    title: 'the stock is not what was delivered less what was sold',
    async investigate(bug) {
      await bug.endsWith('stock_');
      const first = await bug.firstWhere('stock_ != delivered_ - sold_');
      // A confirmation; it set the stock to what was seen before the last delivery.
      assert.equal(first.fields[0], CONFIRM_SALE);
      assert.equal((await bug.event(first.number - 1)).fields[0], DELIVERY);
      bug.wasDoneBy(first.number);
    },
  },
  {
    bug: 'leak',
    title: 'all have logged out, and a session is still there',
    async investigate(bug) {
      await bug.endsWith('alive_');
      // What is in the heap at the end that was not there at the beginning?
      const { groups, blocks } = await bug.diff(0, undefined);
      const isNew = ({ change, type }: { change: string; type: string | null }) => change === 'allocated' && type !== null;
      assert.deepEqual(
        groups.filter(isNew).map(({ type, count }) => [type, count]),
        [['leak::Session', 1]],
      );
      // Whose session is it, and when did it get lost?
      const session = blocks.find(({ type }) => type === 'leak::Session')!;
      const user = BigInt(session.words.find(({ offset }) => offset === 8)!.after);
      const pointers = await bug.history(`(long)sessions_[${user}]`);
      const lost = pointers.findIndex(({ value }) => value === BigInt(session.address));
      const { event } = pointers.slice(lost).find(({ value }) => value === 0n)!;
      assert.equal((await bug.event(event!)).fields[0], TIMEOUT);
      bug.wasDoneBy(event);
    },
  },
  {
    bug: 'time-dependent',
    title: 'a limiter that goes by the clock of the machine allows anything after a quiet moment',
    async investigate(bug) {
      await bug.endsWith('allowed_');
      const { number } = await bug.firstWhere('allowed_ > 1000');
      const at = (expression: string, position: number) => bug.atTheEndBefore(expression, position);
      const quietUs = (await at('last_us_', number + 1)) - (await at('last_us_', number));
      const granted = (await at('allowed_', number + 1)) - (await at('allowed_', number));
      assert.equal(granted, quietUs / 100n - 1n, 'all that was granted is the time since the request before');
      bug.wasDoneBy(number);
    },
  },
  {
    bug: 'order-dependent',
    title: 'a sale was executed before it was ordered, and became a purchase',
    async investigate(bug) {
      await bug.endsWith('held_');
      // Which execution was of an order that nobody had heard of?
      const first = await bug.firstWhere(`(int)event.kind == ${EXECUTION} && orders_[event.number] == 0`);
      // The order comes right behind.
      const next = await bug.event(first.number + 1);
      assert.deepEqual([next.fields[0], next.fields[1]], [ORDER, first.fields[1]]);
      bug.wasDoneBy(first.number);
    },
  },
  {
    bug: 'uninitialised-member',
    title: 'a new customer buys for 65000 on a limit that nobody gave him',
    async investigate(bug) {
      await bug.endsWith('customers_[50]->bought');
      // Who gave him that limit?
      const { delivered, address } = await bug.lastWrite('customers_[50]->limit');
      assert.equal(delivered.fields[0], QUOTE);
      // A quote? Since when is this memory the customer's?
      const memory = await bug.memoryAt(address);
      const created = memory.findLast(({ state }) => state === 'live')!.event;
      assert.ok(created! > delivered.number, 'since then nothing has been written there');
      assert.equal((await bug.event(created!)).fields[0], IMPORT_CUSTOMER);
      bug.wasDoneBy(created);
    },
  },
  {
    bug: 'dangling-string-view',
    title: 'the headline changes by itself, for its text is gone',
    async investigate(bug) {
      await bug.endsWith('headline_._M_str[19]');
      // When was there a new headline for the last time, and where is its text?
      const { event, value } = (await bug.history('(long)headline_._M_str')).at(-1)!;
      const [memory] = await bug.memoryAt(value, '--from', String(event! + 1));
      // Right behind that event the memory was free.
      assert.equal(memory!.state, 'free');
      assert.equal((await bug.event(event!)).fields[0], BREAKING_NEWS);
      bug.wasDoneBy(event);
    },
  },
  {
    bug: 'off-by-one',
    title: 'thousands of open gates, in an airport with eight',
    async investigate(bug) {
      await bug.endsWith('open_');
      const first = await bug.firstWhere('open_ > 8');
      assert.deepEqual(first.fields, [ASSIGN, 8, Number(bug.wrongValue)]);
      bug.wasDoneBy(first.number);
    },
  },
  {
    bug: 'sign-conversion',
    title: 'four thousand million pieces were sold in a day',
    async investigate(bug) {
      await bug.endsWith('pieces_');
      const first = await bug.firstWhere('pieces_ > 1000000');
      assert.equal(first.fields[1], -3, 'three were given back');
      bug.wasDoneBy(first.number);
    },
  },
  {
    bug: 'moved-pointer',
    title: 'an item is added to an order that was moved away',
    async investigate(bug) {
      // The order is a null pointer. Since when?
      const { delivered, after } = await bug.lastWrite('order_');
      assert.equal(after.readBigUInt64LE(), 0n);
      assert.equal(delivered.fields[0], HAND_OVER);
      bug.wasDoneBy(delivered.number);
    },
  },
  {
    bug: 'vector-growth',
    title: 'an alarm cannot be acknowledged, for its sensor has moved',
    async investigate(bug) {
      await bug.endsWith('sensors_._M_impl._M_start[5].alarm');
      // The last acknowledgement changed nothing of the sensor. What did it change?
      const { event: acknowledged } = (await bug.history('(int)event.kind')).findLast(({ value }) => value === ACKNOWLEDGE)!;
      const { blocks } = await bug.diff(acknowledged!, acknowledged! + 1);
      assert.deepEqual(blocks.map(({ change }) => change), ['changed-while-free']); // prettier-ignore
      // Memory that is free, by way of the hottest sensor. Since when is it free?
      const memory = await bug.memoryAt(await bug.atTheEnd('(long)hottest_'));
      assert.equal((await bug.event(lastFree(memory)!)).fields[0], INSTALL);
      bug.wasDoneBy(lastFree(memory));
    },
  },
  {
    bug: 'endless-recursion',
    title: 'the stack overflows: a department is below itself',
    async investigate(bug) {
      // Which department was counted, what is it below, and that?
      const [, counted] = (await bug.lastEvent()).fields;
      const above = await bug.atTheEnd(`above_[${counted}]`);
      assert.equal(await bug.atTheEnd(`above_[${above}]`), BigInt(counted!), 'a circle');
      bug.wasDoneBy((await bug.firstWhere(`above_[${counted}] == ${above} && above_[${above}] == ${counted}`)).number);
    },
  },
  {
    bug: 'division-by-zero',
    title: 'the average of no orders, of which one is open',
    async investigate(bug) {
      // Who made it none?
      const { delivered, after } = await bug.lastWrite('open_');
      assert.deepEqual([after.readBigUInt64LE(), delivered.fields[0]], [0n, CANCEL]);
      // It cancelled an order that had no price any more.
      assert.equal((await bug.history(`prices_[${delivered.fields[1]! % 64}]`)).at(-1)!.value, 0n);
      assert.notEqual(await bug.atTheEnd('sum_'), 0n);
      bug.wasDoneBy(delivered.number);
    },
  },
  {
    bug: 'map-key',
    title: 'nine depots, of which there are eight',
    async investigate(bug) {
      await bug.endsWith('stock_._M_h._M_element_count');
      const first = await bug.firstWhere('stock_._M_h._M_element_count > 8');
      assert.equal(Buffer.from(Int32Array.of(first.fields[0]!).buffer).toString('latin1', 0, 3), 'ber');
      bug.wasDoneBy(first.number);
    },
  },
  {
    bug: 'swallowed-exception',
    title: 'money disappears in a transfer to nobody',
    async investigate(bug) {
      const sum = [0, 1, 2, 3].map((account) => `cash_._M_impl._M_start[${account}]`).join(' + ');
      await bug.endsWith(sum);
      const first = await bug.firstWhere(`${sum} != 4000`);
      const [, to] = first.fields;
      assert.ok(to! >= 4, 'there are four accounts');
      bug.wasDoneBy(first.number);
    },
  },
  {
    bug: 'retry-overrun',
    title: 'the ledger is gone, since there were more retries than room for them',
    async investigate(bug) {
      // Which events does the crash need? Eight payments in a row; and what was before them.
      const needed = await bug.needs();
      assert.deepEqual(needed.map(({ fields }) => fields[0]), [SET_ATTEMPTS, DECLINE, ...Array(8).fill(PAY)]); // prettier-ignore
      // Would fewer attempts have done? There is room for five.
      const setting = needed[0]!;
      assert.equal(await bug.whatIf('--set', `${setting.number}:attempt=6`), 'the same crash');
      assert.equal(await bug.whatIf('--set', `${setting.number}:attempt=5`), 'no crash');
      bug.wasDoneBy(setting.number);
    },
  },
  {
    bug: 'null-display',
    title: 'nothing can be shown, since the display was detached',
    async investigate(bug) {
      // Without the track that is shown, react() would search for it for ever: that, too, is an answer.
      const needed = await bug.needs();
      assert.deepEqual(needed.map(({ fields }) => fields[0]), [PUT, DETACH, SHOW]); // prettier-ignore
      bug.wasDoneBy(needed[1]!.number);
    },
  },
];

// The first field of an event: what it is about.
const LOGOUT = 1;
const RENAME = 0;
const CLOSE_BASKET = 3;
const ADD_TRACK = 0;
const SET_RATE = 1;
const DELIVERY = 0;
const CONFIRM_SALE = 2;
const TIMEOUT = 2;
const ORDER = 0;
const EXECUTION = 1;
const IMPORT_CUSTOMER = 1;
const QUOTE = 2;
const BREAKING_NEWS = 1;
const ASSIGN = 2;
const HAND_OVER = 2;
const INSTALL = 0;
const ACKNOWLEDGE = 2n;
const CANCEL = 1;
const PAY = 0;
const PUT = 0;
const SHOW = 1;
const DETACH = 2;
const DECLINE = 1;
const SET_ATTEMPTS = 2;

describe('a developer who asks only the command line finds out why', function () {
  this.timeout(60_000);
  for (const { bug: name, title, investigate } of stories) {
    it(`${title} (${name})`, () =>
      withDirectory(async (directory) => {
        const bug = await Bug.happens(name, directory);
        await bug.happensAgain();
        await investigate(bug);
      }));
  }
});
