import assert from 'node:assert/strict';
import * as mi from '../../../debug-adapter/gdb/commands';
import { Gdb } from '../../../debug-adapter/gdb/gdb';
import { startAt } from './debuggee';

/** One program, stopped once: nothing below may change it, which is the last test. */
describe('looking at values', function () {
  this.timeout(120_000); // compiles a program
  let gdb: Gdb;
  before(async () => (gdb = await startAt('inspect')));
  after(() => gdb.close());

  const look = (expression: string, format?: string) => mi.evaluate(gdb, 0, expression, format);
  const inside = async (expression: string, start = 0, count = 100) => {
    const { id } = await look(expression);
    return mi.children(gdb, id, start, count);
  };
  const lines = (variables: mi.Variable[]) => variables.map(({ name, value }) => `${name} = ${value}`);

  it('lists arguments and locals, inner ones hiding outer ones', async () => {
    const found = await mi.locals(gdb, 0);
    assert.deepEqual(
      found.map(({ name }) => name),
      ['ledger', 'step', 'shadowed', 'quoted'],
    );
    assert.equal(found[1]!.value, '5');
    assert.equal(found[2]!.value, '2');
    assert.equal(found[3]!.value, '"say \\"hi\\"\\n"');
  });

  it('lists the locals of a caller', async () => {
    const names = (await mi.locals(gdb, 1)).map(({ name }) => name);
    assert.deepEqual(names, ['argc', 'ledger']);
  });

  const summaries: [expression: string, value: string, type: string, length?: number][] = [
    ['ledger.balances', 'std::map with 3 elements', 'std::map<std::string, int>', 3],
    ['ledger.big', 'std::map with 10000 elements', 'std::map<int, Order>', 10_000],
    ['ledger.numbers', 'std::vector of length 200000, capacity 262144', 'std::vector<int>', 200_000],
    ['ledger.flags', 'std::vector<bool> of length 3, capacity 64', 'std::vector<bool>', 3],
    ['ledger.names', 'std::unordered_map with 1 element', 'std::unordered_map<int, std::string>', 1],
    ['ledger.tags', 'std::set with 2 elements', 'std::set<std::string>', 2],
    ['ledger.queue', 'std::deque with 3 elements', 'std::deque<int>', 3],
    ['ledger.chain', 'std::list', 'std::list<int>', 2],
    ['ledger.triple', '[3] {7, 8, 9}', 'std::array<int, 3>', 3],
    ['ledger.empty', 'std::vector of length 0, capacity 0', 'std::vector<Order>'],
    ['ledger.nothing', 'std::unique_ptr<Order> = 0x0', 'std::unique_ptr<Order>'],
    ['ledger.choice', 'std::variant<int, std::string, Order> [index 1] = "hello"', 'std::variant<int, std::string, Order>', 1],
    ['ledger.some', 'std::optional<int> = 42', 'std::optional<int>'],
    ['ledger.none', 'std::optional<int> [no contained value]', 'std::optional<int>'],
    ['ledger.text', '"plain text"', 'const char *'],
    ['ledger.buffer', '"in a buffer"', 'char [16]'],
    ['ledger.grid', '[2] {[3], [3]}', 'int [2][3]', 2],
    ['*ledger.raw', '{id = 8, price = 8.5, symbol = "JKL"}', 'Order'],
  ];
  for (const [expression, value, type, length] of summaries) {
    it(`shows ${expression} as ${value}`, async () => {
      const shown = await look(expression);
      const text = shown.value.replace(/^0x[0-9a-f]+ "/, '"').replace(/^std::array<int, 3> = /, '');
      assert.deepEqual([text, shown.type, shown.length], [value, type, length]);
    });
  }

  it('shows the entries of a map by key', async () => {
    assert.deepEqual(lines(await inside('ledger.balances')), ['["alice"] = 10', '["bob"] = 20', '["carol"] = 30']);
    assert.deepEqual(lines(await inside('ledger.names')), ['[1] = "one"']);
  });

  it('reads a map of 10,000 elements page by page', async () => {
    const { id } = await look('ledger.big');
    for (const start of [0, 100, 9_000, 200, 9_950]) {
      const page = await mi.children(gdb, id, start, 100);
      assert.equal(page.length, Math.min(100, 10_000 - start));
      assert.equal(page[0]!.name, `[${start}]`);
      assert.equal(
        page.at(-1)!.value,
        `{id = ${start + page.length - 1}, price = ${((start + page.length - 1) / 2).toString()}, symbol = "S${start + page.length - 1}"}`,
      );
    }
  });

  it('reads the end of a long vector without walking there', async () => {
    assert.deepEqual(lines(await inside('ledger.numbers', 199_998, 100)), ['[199998] = 399996', '[199999] = 399998']);
  });

  it('shows sequences by index', async () => {
    assert.deepEqual(lines(await inside('ledger.queue')), ['[0] = 1', '[1] = 2', '[2] = 3']);
    assert.deepEqual(lines(await inside('ledger.chain', 1, 1)), ['[1] = 5']);
    assert.deepEqual(lines(await inside('ledger.flags')), ['[0] = true', '[1] = false', '[2] = true']);
    assert.deepEqual(lines(await inside('ledger.grid')), ['[0] = [3] {1, 2, 3}', '[1] = [3] {4, 5, 6}']);
  });

  it('opens smart pointers and what they hold', async () => {
    const [held] = await inside('ledger.last');
    assert.equal(held!.name, 'get()');
    assert.deepEqual(lines(await mi.children(gdb, held!.id, 0, 10)), ['id = 7', 'price = 7.5', 'symbol = "GHI"']);
  });

  it('opens a pointer to a base class as what it is', async () => {
    const [held] = await inside('ledger.polymorphic');
    const fields = await mi.children(gdb, held!.id, 0, 10);
    assert.deepEqual(lines(fields), ['Account = {total = 7}', 'name = "Zürich"', 'rank = 3']);
  });

  it('shows members, bases first, anonymous unions as members', async () => {
    const members = await inside('ledger');
    assert.deepEqual(members[0]!.name, 'Account');
    assert.deepEqual(
      members.slice(-2).map(({ name, value }) => `${name} = ${value}`),
      ['as_number = 65', "as_character = 65 'A'"],
    );
  });

  it('gives every member an expression that finds it again', async () => {
    const count = (await inside('ledger')).find(({ name }) => name === 'count')!;
    assert.equal((await look(count.expression)).value, count.value);
  });

  it('says why memory cannot be read', async () => {
    const { id, value } = await look('ledger.wild');
    assert.equal(value, '0x10');
    const [first] = await mi.children(gdb, id, 0, 10);
    assert.match(first!.value, /^<Cannot access memory at address 0x10>$/);
  });

  it('does not open what has no inside', async () => {
    for (const expression of ['ledger.count', 'ledger.empty', 'ledger.none', 'ledger.text', '(void*)&ledger', '(int*)0']) {
      assert.equal((await look(expression)).id, 0, expression);
    }
  });

  it('writes numbers in hexadecimal on request', async () => {
    assert.equal((await look('255', 'x')).value, '0xff');
  });

  it('knows size() and operator[] of containers without calling the program', async () => {
    assert.equal((await look('ledger.numbers.size()')).value, '200000');
    assert.equal((await look('ledger.numbers[3]')).value, '6');
  });

  const changes = ['ledger.touched = 9', 'ledger.touched++', 'ledger.touched += 2', '$rax = 1', '($rip) = 0', 'ledger.buffer[0] = 65'];
  for (const expression of changes) {
    it(`refuses ${expression}`, () => assert.rejects(look(expression), /not allowed/));
  }

  it('refuses to call the program', async () => {
    await assert.rejects(look('inspect_here(ledger, 1)'), /may-call-functions is off/);
  });

  it('runs console commands, looking only', async () => {
    assert.match(await mi.look(gdb, 0, 'ptype Order'), /double price;/);
    await assert.rejects(mi.look(gdb, 0, 'print ledger.touched = 9'), /not allowed/);
    await assert.rejects(mi.look(gdb, 0, 'print $rax = 9'), /not allowed/);
  });

  it('reads memory', async () => {
    const { address } = await look('ledger.buffer');
    assert.equal((await mi.readMemory(gdb, address!, 11)).toString(), 'in a buffer');
  });

  it('lists registers', async () => {
    const rip = (await mi.registers(gdb, 0)).find(({ name }) => name === 'rip');
    assert.match(rip!.value, /inspect_here/);
  });

  it('voids what was shown when told to forget', async () => {
    const { id } = await look('ledger.balances');
    await mi.forgetValues(gdb);
    await assert.rejects(mi.children(gdb, id, 0, 1), /has moved on/);
  });

  it('has not changed anything', async () => {
    assert.equal((await look('ledger.touched')).value, '0');
    assert.equal((await look('ledger.buffer[0]')).value, "105 'i'");
  });
});
