import assert from 'node:assert/strict';
import * as mi from '../../../debug-adapter/gdb/commands';
import { Gdb } from '../../../debug-adapter/gdb/gdb';
import { lineOf, source, startAt } from './debuggee';

describe('breakpoints of the user', function () {
  this.timeout(120_000); // compiles a program
  let gdb: Gdb;
  beforeEach(async () => (gdb = await startAt('inspect')));
  afterEach(() => gdb.close());

  const atLoop = (wish: Partial<mi.BreakpointWish>) => mi.insertBreakpoint(gdb, { at: { source, line: lineOf('loop') }, ...wish });
  const numberOf = async (name: string) => Number((await mi.evaluate(gdb, 0, name)).value);

  it('say where they are', async () => {
    const place = await atLoop({});
    assert.deepEqual([place.file, place.line], [source, lineOf('loop')]);
    assert.ok(place.address! > 0n);
  });

  it('stop at a function', async () => {
    await mi.insertBreakpoint(gdb, { at: { function: 'loop' } });
    assert.equal(mi.stopFrame(await mi.resume(gdb))?.function, 'loop');
  });

  it('have no place where there is no code', async () => {
    const elsewhere = await mi.insertBreakpoint(gdb, { at: { source: '/nowhere/other.cc', line: 3 } });
    assert.equal(elsewhere.line, undefined);
    const unknown = await mi.insertBreakpoint(gdb, { at: { function: 'no_such_function' } });
    assert.equal(unknown.line, undefined);
  });

  it('take the next line with code when theirs has none', async () => {
    const place = await mi.insertBreakpoint(gdb, { at: { source, line: lineOf('no code here') } });
    assert.equal(place.line, lineOf('code after that'));
  });

  it('stop only when their condition holds', async () => {
    await atLoop({ condition: 'i == 7' });
    await mi.resume(gdb);
    assert.equal(await numberOf('i'), 7);
  });

  for (const { hits, want } of [
    { hits: '3', want: [2, 3] },
    { hits: '== 5', want: [4] },
    { hits: '%10', want: [9, 19] },
    { hits: '> 18', want: [18, 19] },
  ]) {
    it(`stop at hits ${hits}`, async () => {
      await atLoop({ hits });
      for (const i of want) {
        await mi.resume(gdb);
        assert.equal(await numberOf('i'), i);
      }
    });
  }

  it('refuse a hit count that is none', async () => {
    await assert.rejects(atLoop({ hits: 'often' }), /"often" is not a hit count/);
  });

  it('log without stopping, not even a step', async () => {
    const said: string[] = [];
    gdb.on('console', (text) => said.push(text));
    await atLoop({ log: 'i is {i}, {ledger.some}, {nosuch}', condition: 'i == 3' });
    await mi.insertBreakpoint(gdb, { at: { function: 'loop' } });
    await mi.resume(gdb);
    const stop = await mi.finish(gdb);
    assert.equal(stop.reason, 'function-finished');
    const logged = said.filter((text) => text.startsWith('\x1e')).map((text) => JSON.parse(text.slice(1)) as string);
    assert.deepEqual(logged, ['i is 3, std::optional<int> = 42, <No symbol "nosuch" in current context.>']);
  });

  it('cannot change the program by their condition', async () => {
    const said: string[] = [];
    gdb.on('console', (text) => said.push(text));
    await atLoop({ condition: 'ledger.touched = 1' });
    await mi.resume(gdb);
    assert.equal(await numberOf('ledger.touched'), await numberOf('0 + ledger.touched'));
    assert.match(said.join(''), /cannot be evaluated: Writing to memory is not allowed/);
  });

  it('are gone when deleted, and silent when disabled', async () => {
    const [first, second] = [await atLoop({}), await mi.insertBreakpoint(gdb, { at: { function: 'loop' } })];
    await mi.deleteBreakpoints(gdb, [first.number]);
    await mi.disableBreakpoints(gdb, [second.number]);
    const stop = await mi.resume(gdb);
    assert.equal(stop['signal-name'], 'SIGABRT');
  });
});
