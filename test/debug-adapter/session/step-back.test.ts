// Back in time inside an event: each step back ends where the step forward began, with the same values, at -O0 and at -O2.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { lineOf } from '../../end-to-end/support/flight-recording';
import { compileProgram, onlyRecordingIn, root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, type Stopped } from './client';

const source = fs.realpathSync(path.join(root, 'test/debug-adapter/session/step_back.cc'));
const line = (name: string) => lineOf(source, `// line: ${name}`);
const place = ({ frames }: Stopped) => [frames[0]!.name, frames[0]!.line];
/** Of the crash: it has the number 10, because another event is nested in event 6. */
const LAST = 10;

for (const optimisation of ['-O0', '-O2'] as const) {
  describe(`back in time at ${optimisation}`, function () {
    this.timeout(180_000);
    const directory = temporaryDirectory();
    let recording: string;
    let client: Client;

    before(() => {
      recording = record(directory.path, optimisation);
    });
    beforeEach(() => (client = Client.start()));
    afterEach(() => client.close());

    /** Where it stands, and with which values. */
    async function seen(stopped: Stopped) {
      const locals = (await client.scope(stopped.frames[0]!, 'Locals')).map(({ name, value }) => `${name}=${value}`);
      const [reactor] = (await client.scopes(stopped.frames[0]!)).filter(({ name }) => name === 'Reactor');
      const state = (await client.variables(reactor!.variablesReference)).map(({ name, value }) => `${name}=${value}`);
      const stack = stopped.frames.map(({ name, line }) => `${name}:${line}`);
      return { event: client.position!.position, stack, locals, state };
    }

    const go = (event: number) => client.launch({ recording, stopAt: event });
    const breakpoint = (name: string, condition?: string) =>
      client.breakpoints(source, [{ line: line(name), ...(condition === undefined ? {} : { condition }) }]);

    it('line by line, with the values of then', async () => {
      const forth = [await seen(await go(4))];
      for (let i = 0; i < 14; i++) forth.push(await seen(await client.next()));
      forth.pop();
      const back = [];
      for (let i = 0; i < forth.length; i++) back.unshift(await seen(await client.stepBack()));
      if (optimisation === '-O0') assert.deepEqual(back, forth);
      // Optimised code has lines at which gdb stops on one of the ways only. Where it stops on both, everything is the same.
      const met = back.filter((each) => forth.some((other) => isDeepStrictEqual(each, other)));
      assert.ok(met.length >= 8, `of ${forth.length} places only ${met.length} were met again`);
    });

    it('out of a called function, and over one', async () => {
      await go(4);
      await breakpoint('sum');
      await client.continue();
      const inside = await seen(await client.continue());
      await breakpoint('recursion');
      assert.deepEqual(place(await client.continue()), ['Shop::react', line('recursion')]);
      await client.breakpoints(source, []);
      const over = await client.stepBack();
      assert.equal(over.frames[0]!.name, 'Shop::react', 'it has gone into a function');
      await breakpoint('sum');
      await client.reverseContinue();
      assert.deepEqual(await seen(await client.reverseContinue()), inside);
      await client.breakpoints(source, []);
      let stopped = await client.stepBack();
      while (stopped.frames[0]!.name === 'Shop::add') stopped = await client.stepBack();
      assert.deepEqual(place(stopped), ['Shop::react', line('add')]);
    });

    it('from one call of a function on a line not into the other', async () => {
      await go(4);
      await client.dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'twice' }] });
      await client.continue();
      assert.equal((await client.continue()).frames[0]!.name, 'twice');
      assert.deepEqual(place(await client.stepBack()), ['Shop::react', line('both')]);
    });

    // With optimisation the recursion is a loop.
    if (optimisation === '-O0')
      it('in the right one of recursive calls', async () => {
        await go(4);
        await breakpoint('factorial', 'value == 2');
        const inside = await client.continue();
        assert.equal(await client.evaluate('value', inside.frames[0]!), '2');
        const caller = await client.stepBack();
        assert.equal(caller.frames[0]!.name, 'factorial');
        assert.equal(await client.evaluate('value', caller.frames[0]!), '3');
      });

    it('through an exception that was caught', async () => {
      await go(5);
      await breakpoint('name');
      const after = await client.continue();
      assert.equal(await client.evaluate('wrong_', after.frames[0]!), '2');
      const visited: unknown[][] = [];
      let stopped = after;
      while (stopped.frames[0]!.line !== line('check')) visited.push(place((stopped = await client.stepBack())));
      assert.deepEqual(new Set(visited.map(([name]) => name)), new Set(['Shop::react']));
      assert.equal(await client.evaluate('wrong_', stopped.frames[0]!), '1');
    });

    it('from the first line into the event before, but not beyond the first', async () => {
      await go(4);
      const before = await client.stepBack();
      assert.equal(client.position!.position, 3);
      assert.equal(await client.evaluate('orders_', before.frames[0]!), '4');
      assert.ok(before.frames[0]!.line > line('check'), 'not the end of react()');
      await client.seek(0);
      const first = await client.stepBack();
      assert.deepEqual([client.position!.position, await client.evaluate('orders_', first.frames[0]!)], [0, '0']);
    });

    it('from a nested event into the one around it', async () => {
      await go(7);
      const around = await client.stepBack();
      assert.deepEqual([...place(around), client.position!.position], ['Shop::react', line('deliver'), 6]);
      await client.seek(8);
      const behind = await client.stepBack();
      assert.equal(client.position!.position, 6);
      assert.equal(await client.evaluate('pokes_', behind.frames[0]!), '1');
    });

    it('from the crash, and into it again', async () => {
      await go(LAST);
      const crashed = await seen(await client.continue());
      const before = await client.stepBack();
      assert.deepEqual(place(before), ['Shop::react', line('crash')]);
      assert.equal(await client.evaluate('orders_', before.frames[0]!), '10');
      await client.stepBack();
      const again = await client.continue();
      assert.equal(again.description, 'Paused on SIGSEGV');
      assert.deepEqual(await seen(again), crashed);
    });

    it('from breakpoint to breakpoint, within the event and before it', async () => {
      await go(LAST);
      await breakpoint('push', 'value % 2 == 0 && sum_ > 20');
      const hits = [];
      await client.seek(0);
      for (let stopped = await client.continue(); stopped.reason === 'breakpoint'; stopped = await client.continue())
        hits.push(await seen(stopped));
      assert.ok(hits.length > 6, `${hits.length} hits`);
      for (const hit of hits.reverse()) {
        const stopped = await client.reverseContinue();
        assert.equal(stopped.reason, 'breakpoint');
        assert.deepEqual(await seen(stopped), hit);
      }
      assert.equal((await client.reverseContinue()).reason, 'pause');
      assert.equal(client.position!.position, 0);
    });

    // The stops of the way forward are behind the changes, those of the way back before them.
    it('from change to change of two members, and lines between them', async () => {
      const { frames } = await go(4);
      const values = ({ frames: [frame] }: Stopped) => Promise.all(['sum_', 'orders_'].map((name) => client.evaluate(name, frame!)));
      const dataIds = await Promise.all(
        ['sum_', 'orders_'].map(async (name) => {
          const { body } = await client.dc.customRequest('dataBreakpointInfo', { name, frameId: frames[0]!.id });
          return (body as { dataId: string }).dataId;
        }),
      );
      await client.dc.customRequest('setDataBreakpoints', { breakpoints: dataIds.map((dataId) => ({ dataId })) });
      await breakpoint('recursion');
      const stop = async (stopped: Stopped) => ({
        reason: stopped.reason,
        event: client.position!.position,
        values: await values(stopped),
      });
      const forth: Awaited<ReturnType<typeof stop>>[] = [];
      while ((forth.at(-1)?.event ?? 0) < 8) forth.push(await stop(await client.continue()));
      assert.ok(forth.length >= 3 * 5, `${forth.length} stops`);
      await client.seek(forth.at(-1)!.event);
      forth.pop();
      for (let i = forth.length - 1; i > 0; i--) {
        const { reason, event, values } = forth[i]!;
        const expected = { reason, event, values: reason === 'breakpoint' ? values : forth[i - 1]!.values };
        assert.deepEqual(await stop(await client.reverseContinue()), expected);
      }
    });

    it('to the beginning, without breakpoints', async () => {
      await go(5);
      await client.reverseContinue();
      assert.equal(client.position!.position, 0);
    });

    it('to the beginning of the event', async () => {
      const beginning = await seen(await go(5));
      await client.next();
      await client.next();
      assert.deepEqual(await seen(await client.custom('restartEvent')), beginning);
    });

    it('by one instruction', async () => {
      await go(4);
      await client.next();
      const instruction = ({ frames }: Stopped) => frames[0]!.instructionPointerReference;
      const step = () => client.stop(() => client.dc.nextRequest({ threadId: 1, granularity: 'instruction' }));
      const back = () => client.stop(() => client.dc.stepBackRequest({ threadId: 1, granularity: 'instruction' }));
      const forth = [instruction(await step()), instruction(await step()), instruction(await step())];
      await step();
      for (const expected of forth.reverse()) assert.equal(instruction(await back()), expected);
    });
  });
}

function record(directory: string, optimisation: '-O0' | '-O2'): string {
  const program = compileProgram(source, directory, optimisation);
  const recordings = path.join(directory, 'recordings');
  fs.mkdirSync(recordings);
  spawnSync(program, [recordings], { stdio: 'ignore' });
  return onlyRecordingIn(recordings);
}
