// Breakpoints on memory: they stop behind the instruction that changes it, in whatever event that is; on the way back before it.
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { flightBoardSource, lineOf } from '../../end-to-end/support/flight-recording';
import { recordCrash } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, named, type Stopped } from './client';

const GUILTY = 515_377; // the flight that arrived 212 minutes early

describe('a data breakpoint', () => {
  const directory = temporaryDirectory();
  let recording: string;
  let client: Client;

  before(async () => (recording = await recordCrash('flight-board', directory.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  const request = async <R extends DebugProtocol.Response>(command: string, args: object): Promise<R['body']> =>
    ((await client.dc.customRequest(command, args)) as R).body;
  const info = async (args: DebugProtocol.DataBreakpointInfoArguments) =>
    (await request<DebugProtocol.DataBreakpointInfoResponse>('dataBreakpointInfo', args))!;
  const set = async (...breakpoints: object[]) =>
    (await request<DebugProtocol.SetDataBreakpointsResponse>('setDataBreakpoints', { breakpoints }))!.breakpoints;

  /** What the menu of a member offers. */
  async function onMember(stopped: Stopped, name: string) {
    const locals = await client.scope(stopped.frames[0]!, 'Locals');
    return info({ variablesReference: named(locals, 'this').variablesReference, name });
  }

  it('on a member stops where it changes, event after event', async () => {
    const stopped = await client.launch({ recording, stopAt: 3 });
    const { dataId, description } = await onMember(stopped, 'flights_');
    assert.match(description, /^flights_ \(8 bytes at 0x[\da-f]+\)$/);
    assert.deepEqual((await set({ dataId })).map(({ verified }) => verified), [true]); // prettier-ignore
    for (const event of [3, 4]) {
      const hit = await client.continue();
      assert.deepEqual([hit.reason, hit.description, client.position!.position], ['data breakpoint', 'Paused behind the change', event]);
      assert.equal(await client.evaluate('flights_', hit.frames[0]!), String(event + 1));
    }
    await set();
    assert.equal((await client.continue()).reason, 'exception');
  });

  it('has a condition', async () => {
    const stopped = await client.launch({ recording, stopAt: 3 });
    const { dataId } = await onMember(stopped, 'flights_');
    await set({ dataId, condition: '*(long *)this == 20' });
    assert.equal((await client.continue()).reason, 'data breakpoint');
    assert.equal(client.position!.position, 19);
  });

  it('finds who damages an object, thousands of events before the crash, as often as it is asked', async () => {
    await client.launch({ recording });
    const crash = await client.continue();
    const name = await client.evaluate('(unsigned long)$rdi', crash.frames[0]!);
    const { dataId } = await info({ name: `0x${BigInt(name).toString(16)}`, asAddress: true, bytes: 8 });
    for (let time = 0; time < 2; time++) {
      await client.seek(GUILTY - 300);
      if (time === 0) await set({ dataId });
      const hit = await client.continue();
      assert.deepEqual([hit.reason, client.position!.position], ['data breakpoint', GUILTY]);
      assert.match(hit.frames[0]!.name, /DelayHistogram::add/);
    }
  });

  const stand = ({ reason, description }: Stopped) => [reason, description, client.position!.position];
  const BEFORE = ['data breakpoint', 'Paused before the write'];
  const BEHIND = ['data breakpoint', 'Paused behind the change'];

  it('is where going back stops, before the write, event before event', async () => {
    const stopped = await client.launch({ recording, stopAt: 10 });
    await set({ dataId: (await onMember(stopped, 'flights_')).dataId });
    const flights = ({ frames }: Stopped) => client.evaluate('flights_', frames[0]!);
    for (const event of [9, 8]) {
      const back = await client.reverseContinue();
      assert.deepEqual([...stand(back), await flights(back)], [...BEFORE, event, String(event)]);
    }
    const forth = await client.continue();
    assert.deepEqual([...stand(forth), await flights(forth)], [...BEHIND, 8, '9']);
    const back = await client.reverseContinue();
    assert.deepEqual([...stand(back), await flights(back)], [...BEFORE, 8, '8']);
    const line = await client.stepBack();
    assert.deepEqual([line.reason, line.frames[0]!.name, client.position!.position], ['step', 'FlightBoard::react', 8]);
  });

  it('does not hide the way that led behind a change', async () => {
    const stopped = await client.launch({ recording, stopAt: 10 });
    await set({ dataId: (await onMember(stopped, 'flights_')).dataId });
    const behind = await client.continue();
    const answer = await client.dc.customRequest('afterimage.lastWrite', { expression: 'flights_', frameId: behind.frames[0]!.id });
    assert.deepEqual([(answer.body as { event: number }).event, client.position!.position], [10, 10]);
    await client.continue();
    await client.next();
    assert.deepEqual(stand(await client.reverseContinue()), [...BEFORE, 10]);
  });

  it('leads from the crash back to who did the damage', async () => {
    await client.launch({ recording });
    const crash = await client.continue();
    const name = await client.evaluate('(unsigned long)$rdi', crash.frames[0]!);
    const { dataId } = await info({ name: `0x${BigInt(name).toString(16)}`, asAddress: true, bytes: 8 });
    await set({ dataId });
    const back = await client.reverseContinue();
    assert.deepEqual(stand(back), [...BEFORE, GUILTY]);
    assert.match(back.frames[0]!.name, /DelayHistogram::add/);
  });

  it('with its condition, on the way back, too', async () => {
    const stopped = await client.launch({ recording, stopAt: 30 });
    const { dataId } = await onMember(stopped, 'flights_');
    await set({ dataId, condition: '*(long *)this == 20' });
    assert.deepEqual(stand(await client.reverseContinue()), [...BEFORE, 19]);
    assert.equal((await client.reverseContinue()).reason, 'pause');
    assert.equal(client.position!.position, 0);
  });

  it('takes turns with breakpoints on lines and functions, on the way back as well', async () => {
    const stopped = await client.launch({ recording, stopAt: 10 });
    await set({ dataId: (await onMember(stopped, 'flights_')).dataId });
    await client.breakpoints(flightBoardSource, [{ line: lineOf(flightBoardSource, 'add_to_route(flight);') }]);
    await client.dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'FlightBoard::remember' }] });
    const forth = [];
    for (let i = 0; i < 6; i++) forth.push([(await client.continue()).reason, client.position!.position]);
    assert.deepEqual(new Set(forth.map(([reason]) => reason)), new Set(['data breakpoint', 'breakpoint', 'function breakpoint']));
    await client.seek(12);
    const back = [];
    for (let i = 0; i < 6; i++) back.push([(await client.reverseContinue()).reason, client.position!.position]);
    assert.deepEqual(back.reverse(), forth);
  });

  it('is refused for what the processor cannot watch, with the reason', async () => {
    const stopped = await client.launch({ recording, stopAt: 3 });
    const whole = await onMember(stopped, 'airports_');
    assert.deepEqual([whole.dataId, /the processor watches 32 at most\. Choose a member/.test(whole.description)], [null, true]);
    const computed = await info({ name: 'flights_ + 1', frameId: stopped.frames[0]!.id });
    assert.match(computed.description, /only memory can be watched/);
    const four = await set(...[0, 8, 16, 24, 32].map((offset) => ({ dataId: `0x${(0x400044000000 + offset).toString(16)}+8` })));
    assert.ok(four.every(({ verified, message }) => !verified && /32 bytes at most, in all/.test(message!)));
  });
});
