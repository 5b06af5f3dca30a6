// A session on a core dump that cannot be replayed: of a program without the recorder, and of a recorded one whose recording
// is not there. Everything at the end can be looked at; whatever would move says why it cannot.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { importCore } from '../../../debug-adapter/import';
import { root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { compileCoreMakers, copyRunning, crash, type MadeCore } from '../import/cores';
import { Client, named, type Stopped } from './client';
import { childrenOf } from './processes';

const source = path.join(root, 'test/debug-adapter/import/core_maker.cc');
const lineOf = (text: string): number =>
  fs
    .readFileSync(source, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;

describe('a session on a core dump', function () {
  this.timeout(240_000); // compiles two programs
  const scratch = temporaryDirectory();
  let programs: { recorded: string; plain: string };
  let client: Client;
  let count = 0;

  before(() => (programs = compileCoreMakers(scratch.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  /** The imported core, with nothing beside it. */
  async function imported({ core }: MadeCore): Promise<string> {
    const alone = fs.mkdtempSync(path.join(scratch.path, 'alone-'));
    fs.renameSync(core, path.join(alone, 'core'));
    const output = path.join(scratch.path, `imported-${++count}.afterimage`);
    return (await importCore(path.join(alone, 'core'), { output })).directory;
  }

  function takeRecordingAway(made: MadeCore): MadeCore {
    fs.rmSync(made.recording!, { recursive: true });
    return made;
  }

  const framesOf = async (threadId: number) => (await client.dc.stackTraceRequest({ threadId })).body.stackFrames;
  const refusalOf = (request: Promise<unknown>): Promise<string> =>
    request.then(
      () => assert.fail('it was not refused'),
      (error: Error) => error.message,
    );

  /** The frame of react(), which is not the top one when a function of libc has ended the process. */
  function reactIn({ frames }: Stopped): DebugProtocol.StackFrame {
    const frame = frames.find(({ name }) => name === 'Book::react');
    assert.ok(frame, frames.map(({ name }) => name).join(', '));
    return frame;
  }

  describe('of a program without the recorder', () => {
    let stopped: Stopped;

    beforeEach(async () => {
      stopped = await client.launch({ recording: await imported(crash(programs.plain, 'segv', scratch.path)) });
    });

    it('stops where the program ended, and says how', async () => {
      assert.deepEqual(
        [stopped.reason, stopped.description, stopped.text],
        ['exception', 'Ended by SIGSEGV', 'SIGSEGV (address not mapped) at address 0x0'],
      );
      const [top] = stopped.frames;
      assert.deepEqual([top!.name, top!.line, top!.source?.path], ['Book::react', lineOf('way == "segv"'), source]);
      assert.ok(stopped.frames.some(({ name }) => name === 'main'));
      const { body } = await client.dc.exceptionInfoRequest({ threadId: 1 });
      assert.match(body.description!, /^SIGSEGV \(address not mapped\) at address 0x0\. This is how the core dump has it/);
    });

    it('shows locals, members, containers and registers', async () => {
      const locals = await client.scope(stopped.frames[0]!, 'Locals');
      assert.equal(named(locals, 'way').value, '"segv"');
      const members = await client.variables(named(locals, 'this').variablesReference);
      const orders = named(members, 'orders_');
      assert.deepEqual([orders.value, orders.indexedVariables], ['std::map with 100 elements', 100]);
      const [element] = await client.variables(orders.variablesReference, { start: 7, count: 1 });
      assert.match(element!.value, /^"o{20,}/);
      assert.ok(named(await client.scope(stopped.frames[0]!, 'Registers'), 'rip').value.startsWith('0x'));
      const scopes = await client.scopes(stopped.frames[0]!);
      assert.deepEqual(scopes.map(({ name }) => name), ['Locals', 'Registers']); // prettier-ignore
    });

    it('evaluates expressions in any frame, shows code and memory, and changes nothing', async () => {
      const [top] = stopped.frames;
      assert.equal(await client.evaluate('order.number * 2', top!), '198');
      const main = stopped.frames.find(({ name }) => name === 'main');
      assert.equal(await client.evaluate('i', main!), '99');
      assert.match(await client.evaluate('> disassemble', top!, 'repl'), /=>.*mov/);
      const { data } = await client.memory(
        (await client.dc.evaluateRequest({ expression: 'order', frameId: top!.id })).body.memoryReference!,
        4,
      );
      assert.equal(Buffer.from(data!, 'base64').readInt32LE(), 99);
      assert.match(await refusalOf(client.evaluate('last_ = 1', top!)), /expressions may only look/);
      assert.equal(await client.evaluate('last_', top!), '98');
    });

    it('whatever would move is refused in one sentence, and the stop stays', async () => {
      const threadId = 1;
      const requests: [string, object][] = [
        ['continue', { threadId }],
        ['next', { threadId }],
        ['stepIn', { threadId }],
        ['stepOut', { threadId }],
        ['stepBack', { threadId }],
        ['reverseContinue', { threadId }],
        ['afterimage.seek', { event: 3 }],
        ['afterimage.previousEvent', {}],
        ['afterimage.nextEvent', {}],
        ['afterimage.restartEvent', {}],
        ['afterimage.toCrash', {}],
      ];
      for (const [command, args] of requests) {
        const message = await refusalOf(client.dc.customRequest(command, args));
        assert.match(message, /^This is the core dump of a program that was not recorded: .* run the program with Afterimage\.$/, command);
      }
      assert.equal((await framesOf(1))[0]!.name, 'Book::react');
    });

    it('breakpoints are not verified, and say why', async () => {
      const [breakpoint] = await client.breakpoints(source, [{ line: lineOf('way == "segv"') }]);
      assert.deepEqual(
        [breakpoint!.verified, breakpoint!.message],
        [false, 'Nothing runs in a core dump, so this breakpoint is never hit.'],
      );
    });

    it('has no reactor and no events', async () => {
      const { body } = await client.dc.customRequest('afterimage.timeline');
      assert.deepEqual([body.reactor, body.level, body.reactors, body.end], [undefined, 'inspect', [], 0]);
      assert.deepEqual((await client.dc.customRequest('afterimage.events', { from: 0, count: 10 })).body, { events: [] });
    });

    it('leaves no process behind', async () => {
      const pids = childrenOf(client.pid);
      assert.equal(pids.length, 1, 'gdb alone');
      await client.close();
      for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
    });
  });

  describe('of a recorded program, without its recording', () => {
    it('has the reactor, the last events, and all its threads', async () => {
      const stopped = await client.launch({ recording: await imported(takeRecordingAway(crash(programs.recorded, 'segv', scratch.path))) });
      assert.match(stopped.thread, /^\d+ · book · event 99$/);
      assert.equal(reactIn(stopped).line, lineOf('way == "segv"'));
      assert.equal(named(await client.scope(stopped.frames[0]!, 'Reactor'), 'orders_').value, 'std::map with 100 elements');
      assert.match(named(await client.scope(stopped.frames[0]!, 'Event'), '[event]').value, /^99 · Order · /);
      assert.deepEqual([client.position!.position, client.position!.first, client.position!.end], [99, 0, 100]);
      const { body } = await client.dc.customRequest('afterimage.events', { from: 98, count: 10 });
      assert.deepEqual(body.events.map(({ number }: { number: number }) => number), [98, 99]); // prettier-ignore

      const { threads } = (await client.dc.threadsRequest()).body;
      assert.ok(threads.length > 1, 'the recorder has threads of its own');
      const other = await framesOf(threads[1]!.id);
      assert.notEqual(other[0]!.name, stopped.frames[0]!.name);
      const ids = new Set([...other, ...stopped.frames].map(({ id }) => id));
      assert.equal(ids.size, other.length + stopped.frames.length, 'frames of two threads have the same id');
      const rsp = async (frame: DebugProtocol.StackFrame) => named(await client.scope(frame, 'Registers'), 'rsp').value;
      assert.notEqual(await rsp(other[0]!), await rsp(stopped.frames[0]!));

      assert.match(await refusalOf(client.seek(3)), /^This is a core dump without its recording: .* --recording DIRECTORY\.$/);
    });

    it('an abort: the stop is in libc, and react() is in the stack', async () => {
      const stopped = await client.launch({
        recording: await imported(takeRecordingAway(crash(programs.recorded, 'abort', scratch.path))),
      });
      assert.equal(stopped.description, 'Ended by SIGABRT');
      assert.equal(reactIn(stopped).line, lineOf('way == "abort"'));
    });

    it('a stack overflow: a thousand frames are shown', async () => {
      const stopped = await client.launch({
        recording: await imported(takeRecordingAway(crash(programs.recorded, 'overflow', scratch.path))),
      });
      assert.equal(stopped.frames.length, 1000);
      const depths = [
        Number(await client.evaluate('depth', stopped.frames[1]!)),
        Number(await client.evaluate('depth', stopped.frames[2]!)),
      ];
      assert.equal(depths[0]! - depths[1]!, 1);
    });

    it('a copy of a running process: a pause', async () => {
      const made = await copyRunning(programs.recorded, 'between', scratch.path);
      const stopped = await client.launch({ recording: await imported(takeRecordingAway(made)) });
      assert.deepEqual([stopped.reason, stopped.description], ['pause', 'Paused where the core was taken']);
      assert.ok(stopped.frames.some(({ name }) => name === 'main'));
    });
  });

  it('without the executable there are threads and registers, and it is said what is missing', async () => {
    const moved = path.join(scratch.path, 'moved');
    fs.copyFileSync(programs.plain, moved);
    fs.chmodSync(moved, 0o755);
    const made = crash(moved, 'segv', scratch.path);
    fs.rmSync(moved);
    const stopped = await client.launch({ recording: await imported(made) });
    assert.ok(named(await client.scope(stopped.frames[0]!, 'Registers'), 'rip').value.startsWith('0x'));
    assert.match(client.output.join(''), /moved \(build [0-9a-f]{12}\), is neither there nor beside/);
  });

  it('a core that is gone since is named', async () => {
    const recording = await imported(crash(programs.plain, 'segv', scratch.path));
    fs.rmSync(path.join(recording, 'core'));
    await client.dc.initializeRequest();
    const message = await refusalOf(client.dc.launchRequest({ recording } as DebugProtocol.LaunchRequestArguments));
    assert.match(message, /^The core dump of this recording, .*\/core, is gone .*Import the core again\.$/);
  });
});
