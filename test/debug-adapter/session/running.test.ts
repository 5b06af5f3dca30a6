// What a client may do while the program runs, and that nothing is left running when it goes.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { flightBoardSource, lineOf } from '../../end-to-end/support/flight-recording';
import { recordCrash } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client } from './client';
import { childrenOf } from './processes';

const line = lineOf(flightBoardSource, 'add_to_route(flight);');

describe('a session that runs', () => {
  const directory = temporaryDirectory();
  let recording: string;
  let client: Client;

  before(async () => (recording = await recordCrash('flight-board', directory.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  /** Half a million conditions, none of which holds: it runs for minutes. */
  async function runForLong(): Promise<void> {
    await client.launch({ recording, stopAt: 'start' });
    await client.breakpoints(flightBoardSource, [{ line, condition: 'flights_ < 0' }]);
    await client.dc.continueRequest({ threadId: 1 });
  }

  const pause = () => client.stop(() => client.dc.pauseRequest({ threadId: 1 }));

  it('is paused, and goes on', async () => {
    await runForLong();
    assert.equal((await pause()).reason, 'pause');
    await client.breakpoints(flightBoardSource, []);
    assert.equal((await client.continue()).reason, 'exception');
  });

  it('goes anywhere after a pause', async () => {
    await runForLong();
    await pause();
    await client.seek(3);
    assert.equal(client.position!.position, 3);
  });

  it('takes breakpoints meanwhile', async () => {
    await runForLong();
    const stopped = await client.stop(() => client.breakpoints(flightBoardSource, [{ line }]));
    assert.deepEqual([stopped.reason, stopped.frames[0]!.line], ['breakpoint', line]);
  });

  it('does not show, at the next stop, a stack that was read before the move', async () => {
    await client.launch({ recording, stopAt: 'start' });
    await client.breakpoints(flightBoardSource, [{ line }]);
    await Promise.all([client.dc.waitForEvent('stopped'), client.dc.customRequest('afterimage.seek', { event: 3 })]);
    const overtaken = () => client.dc.stackTraceRequest({ threadId: 1 }).catch(() => undefined);
    const stopped = await client.stop(() => Promise.all([overtaken(), client.dc.continueRequest({ threadId: 1 })]));
    assert.deepEqual([stopped.reason, stopped.frames[0]!.line], ['breakpoint', line]);
  });

  it('refuses a second move', async () => {
    await runForLong();
    await assert.rejects(client.dc.nextRequest({ threadId: 1 }), /is moving/);
    await assert.rejects(client.dc.customRequest('afterimage.seek', { event: 5 }), /is moving/);
    await pause();
  });

  for (const way of ['disconnect', 'terminate'] as const) {
    it(`leaves no process behind after ${way}, not even while it runs`, async () => {
      await runForLong();
      const started = childrenOf(client.pid);
      assert.ok(started.length >= 3, `gdb, launcher and program were expected, found ${started.length} processes`);
      if (way === 'disconnect') await client.dc.disconnectRequest();
      else await Promise.all([client.dc.waitForEvent('terminated'), client.dc.terminateRequest()]);
      await Promise.all(started.map(gone));
    });
  }

  for (const what of ['the adapter', 'gdb', 'gdb and the adapter']) {
    it(`leaves no process behind when ${what} is killed`, async () => {
      await runForLong();
      const started = childrenOf(client.pid);
      const gdb = started.filter((pid) => fs.readFileSync(`/proc/${pid}/comm`, 'utf8') === 'gdb\n');
      assert.equal(gdb.length, 1);
      const killed = [...(what.startsWith('gdb') ? gdb : []), ...(what.endsWith('adapter') ? [client.pid] : [])];
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await Promise.all(started.map(gone));
    });
  }
});

/** Resolves when the process has ended: the time limit of the test is the limit. */
async function gone(pid: number): Promise<void> {
  while (fs.existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(statusOf(pid))) await new Promise((resolve) => setImmediate(resolve));
}

function statusOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return 'State: Z'; // it has gone between the two looks
  }
}
