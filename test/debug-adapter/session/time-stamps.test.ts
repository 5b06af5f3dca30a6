// A program that reads the time-stamp counter. The read traps, which gdb sees before the replayer does, and must not take for a crash.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { lineOf } from '../../end-to-end/support/flight-recording';
import { compileProgram, onlyRecordingIn, root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, type Stopped } from './client';

const source = fs.realpathSync(path.join(root, 'test/debug-adapter/session/time_stamps.cc'));
const line = (name: string) => lineOf(source, `// line: ${name}`);
const CRASH = 2;

/** The replayer counts events, and the reads of each (replay/time_stamps.cc). */
const answer = (event: number, read: number) => (event + 1) * 2 ** 24 + read * 1000;
const totalAfter = (events: number) =>
  Array.from({ length: events }, (_, event) => answer(event, 1) + answer(event, 2)).reduce((a, b) => a + b, 0);
const lineAt = ({ frames }: Stopped) => frames[0]!.line;

describe('a session on a program that reads the time-stamp counter', function () {
  this.timeout(120_000); // compiles a program
  const directory = temporaryDirectory();
  let client: Client;
  let recording: string;

  before(() => {
    const program = compileProgram(source, directory.path, '-O0');
    assert.equal(spawnSync(program, [directory.path], { stdio: 'ignore' }).signal, 'SIGSEGV');
    recording = onlyRecordingIn(directory.path);
  });
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  const total = async ({ frames }: Stopped) =>
    Number(
      await client.evaluate(
        'total_',
        frames.find(({ name }) => name === 'Meter::react')!,
      ),
    );

  it('gets answers that are the same in every replay, and crashes where it did', async () => {
    assert.equal(await total(await client.launch({ recording })), totalAfter(CRASH));
    const crashed = await client.continue();
    assert.deepEqual([crashed.description, lineAt(crashed)], ['Paused on SIGSEGV', line('crash')]);
    assert.match((await client.dc.exceptionInfoRequest({ threadId: 1 })).body.description!, /The same as recorded/);
    assert.equal(await total(crashed), totalAfter(CRASH + 1));
    assert.equal(await total(await client.seek(1)), totalAfter(1));
  });

  it('is stepped line by line: over a read, over a call with a read, into it and out', async () => {
    await client.launch({ recording, stopAt: 0 });
    for (const name of ['call', 'behind']) assert.equal(lineAt(await client.next()), line(name));
    assert.equal(lineAt(await client.stepBack()), line('call'));
    assert.equal(lineAt(await client.stepIn()), line('deeper'));
    const deeper = await client.next();
    assert.equal(lineAt(deeper), line('deeper') + 1);
    assert.equal(Number(await client.evaluate('now', deeper.frames[0]!)), answer(0, 2));
    assert.equal(lineAt(await client.stepOut()), line('call'));
    const behind = await client.next();
    assert.deepEqual([lineAt(behind), await total(behind)], [line('behind'), totalAfter(1)]);
  });

  for (const place of ['read', 'deeper']) {
    it(`stops at a breakpoint on the line of a read in every event: ${place}`, async () => {
      await client.launch({ recording, stopAt: 0 }, () => client.breakpoints(source, [{ line: line(place) }]));
      const events = [];
      for (let stopped = await client.continue(); lineAt(stopped) === line(place); stopped = await client.continue())
        events.push(client.position!.position);
      assert.deepEqual(events, [0, 1, 2]);
      assert.equal(client.position!.position, CRASH);
    });
  }

  it('is stepped by instructions', async () => {
    let stopped = await client.launch({ recording, stopAt: 0 });
    const addresses = [];
    for (; lineAt(stopped) !== line('call'); addresses.push(stopped.frames[0]!.instructionPointerReference))
      stopped = await client.stop(() => client.dc.nextRequest({ threadId: 1, granularity: 'instruction' }));
    assert.equal(new Set(addresses).size, addresses.length);
    assert.equal(await total(stopped), answer(0, 1));
  });
});
