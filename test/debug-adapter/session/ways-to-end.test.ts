// What debuggers find hard, without optimisation: abort, an exception that nobody catches, a stack that overflows, a reactor
// that delivers to itself, and one that is not deterministic.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { lineOf } from '../../end-to-end/support/flight-recording';
import { afterimage } from '../../support/cli';
import { compileProgram, onlyRecordingIn, root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, type Stopped } from './client';
import { childrenOf } from './processes';

const source = fs.realpathSync(path.join(root, 'test/debug-adapter/session/ways_to_end.cc'));
const line = (name: string) => lineOf(source, `// line: ${name}`);
const top = ({ frames }: Stopped) => [frames[0]!.name, frames[0]!.line];

describe('a session on a program that ends by', function () {
  this.timeout(120_000); // compiles a program
  const directory = temporaryDirectory();
  let program: string;
  let client: Client;

  before(() => {
    program = compileProgram(source, directory.path, '-O0');
  });
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  function record(way: string, ...more: string[]): string {
    const recordings = fs.mkdtempSync(path.join(directory.path, 'recordings-'));
    spawnSync(program, [recordings, way, ...more], { stdio: 'ignore' });
    return onlyRecordingIn(recordings);
  }

  for (const [way, signal, where] of [
    ['abort', 'SIGABRT', 'Walker::react'],
    ['throw', 'SIGABRT', 'Walker::react'],
    ['overflow', 'SIGSEGV', 'Walker::sink'],
  ] as const) {
    it(`${way}, and back from there`, async () => {
      const recording = record(way);
      assert.deepEqual(top(await client.launch({ recording })), ['Walker::react', line('step')]);
      const crashed = await client.continue();
      assert.equal(crashed.description, `Paused on ${signal}`);
      assert.ok(crashed.frames.some(({ name }) => name === where));
      assert.match((await client.dc.exceptionInfoRequest({ threadId: 1 })).body.description!, /The same as recorded/);
      for (let visit = 0; visit < 2; visit++) {
        const back = await client.seek(3);
        assert.deepEqual([...top(back), client.position!.position], ['Walker::react', line('step'), 3]);
        assert.equal(await client.evaluate('steps_', back.frames[0]!), '3');
        assert.equal((await client.continue()).description, `Paused on ${signal}`);
      }
    });
  }

  it('delivering to itself: into the nested event, out of it, and to it by number', async () => {
    const recording = record('nested');
    await client.launch({ recording, stopAt: 5 });
    await client.breakpoints(source, [{ line: line('echo') }]);
    const nested = await client.continue();
    assert.deepEqual([nested.reason, ...top(nested), client.position!.position], ['breakpoint', 'Walker::react', line('echo'), 6]);
    await client.breakpoints(source, []);
    const outer = await client.stepOut();
    assert.equal(outer.frames[0]!.name, 'Walker::react');
    assert.ok(outer.frames[0]!.line !== line('echo'), 'still in the nested event');

    assert.deepEqual([...top(await client.seek(6)), client.position!.position], ['Walker::react', line('echo'), 6]);
    assert.deepEqual([...top(await client.seek(7)), client.position!.position], ['Walker::react', line('step'), 7]);
  });

  for (const [way, signal] of [
    ['nested-fault', 'SIGSEGV'],
    ['nested-throw', 'SIGABRT'],
  ] as const) {
    it(`${way}: in the event that it delivered to itself, while the one around it is not finished`, async () => {
      const recording = record(way);
      const opened = openRecording(recording);
      const { started, finished, crashEvent } = opened.reactor('walker');
      opened.close();
      assert.deepEqual({ started, finished, crashEvent }, { started: 11, finished: 9, crashEvent: 10 });
      const { code, stdout } = await afterimage(['replay', recording]);
      assert.match(stdout, /^Crashed in event 10: [^]*The same crash as recorded/m);
      assert.equal(code, 0);

      const inner = await client.launch({ recording });
      assert.deepEqual([...top(inner), client.position!.position], ['Walker::react', line('echo'), 10]);
      const crashed = await client.continue();
      assert.equal(crashed.description, `Paused on ${signal}`);
      assert.match((await client.dc.exceptionInfoRequest({ threadId: 1 })).body.description!, /The same as recorded/);
      const [, outer] = crashed.frames.filter(({ name }) => name === 'Walker::react');
      assert.equal(outer!.line, line('deliver'));
      assert.deepEqual([await client.evaluate('steps_', outer!), await client.evaluate('last_', outer!)], ['10', '8']);
      await isAtEvent(9, await client.seek(9));
    });
  }

  it('a fault behind a nested event: it belongs to the event around that', async () => {
    const recording = record('nested-then-fault');
    const { code, stdout } = await afterimage(['replay', recording]);
    assert.match(stdout, /^Crashed in event 9: [^]*The same crash as recorded/m);
    assert.doesNotMatch(stdout, /Divergence/);
    assert.equal(code, 0);
    await client.launch({ recording });
    assert.equal(client.position!.position, 9);
    const crashed = await client.continue();
    assert.match((await client.dc.exceptionInfoRequest({ threadId: 1 })).body.description!, /The same as recorded/);
    assert.equal(crashed.frames[0]!.name, 'Walker::react');
    assert.equal(await client.evaluate('echoes_', crashed.frames[0]!), '9');
  });

  it('differing from the recording: it says since when', async () => {
    const recording = record('salt', '100');
    await client.launch({ recording, stopAt: 'start' });
    assert.equal(client.position!.faithful, true);
    await client.continue();
    assert.equal(client.position!.faithful, false);
    assert.match(client.output.join(''), /differs from the recording since event 5 \(allocation: recorded .*, replayed /);
  });

  for (const [way, name] of [
    ['exit', 'exit'],
    ['exec', 'execve'],
  ]) {
    it(`calling ${name}(): it stops there, and goes back from there`, async () => {
      const recording = record(way!);
      await client.launch({ recording, stopAt: 'start' });
      for (let visit = 0; visit < 2; visit++) {
        const ended = await client.continue();
        assert.equal(ended.description, `Paused on ${name}()`);
        assert.ok(ended.frames.some((frame) => frame.name === 'Walker::react'));
        assert.equal((await client.next()).description, `Paused on ${name}()`);
        await isAtEvent(3, await client.seek(3));
      }
    });
  }

  it('a signal that nothing can stop: it is started again, and says so', async () => {
    const recording = record('kill');
    await client.launch({ recording, stopAt: 7 });
    const again = await client.continue();
    assert.match(client.output.join(''), /ended itself \(SIGKILL\), in event 7 or later/);
    await isAtEvent(7, again);
    await isAtEvent(8, await client.seek(8));
  });

  it('going back from inside the C library: another process does, under the same gdb', async () => {
    const recording = record('sort');
    await client.launch({ recording, stopAt: 5 }, () => client.dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'qsort' }] }));
    const before = childrenOf(client.pid);
    for (let visit = 0; visit < 2; visit++) {
      assert.equal((await client.continue()).reason, 'function breakpoint');
      await isAtEvent(3, await client.seek(3));
    }
    const after = childrenOf(client.pid);
    assert.equal(after.length, before.length);
    assert.equal(after.filter((pid) => before.includes(pid)).length, 1, 'only gdb was expected to be the same');
  });

  async function isAtEvent(event: number, stopped: Stopped): Promise<void> {
    assert.deepEqual([...top(stopped), client.position!.position], ['Walker::react', line('step'), event]);
    assert.equal(await client.evaluate('steps_', stopped.frames[0]!), String(event));
  }
});
