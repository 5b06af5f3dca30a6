// A session on a minidump that Crashpad's own handler (of Debian's chromium) wrote of a crashing program: threads with their stacks
// and what lies on them; the heap is not in it, and says so.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { importCore } from '../../../debug-adapter/import';
import { lineOf } from '../../end-to-end/support/flight-recording';
import { root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, named, type Stopped } from './client';

const source = path.join(root, 'test/debug-adapter/import/minidump_maker.cc');
const handler = '/usr/lib/chromium/chrome_crashpad_handler';

describe('a session on a minidump of Crashpad', function () {
  this.timeout(120_000); // compiles a program
  const scratch = temporaryDirectory();
  let minidump: string;
  let client: Client;

  before(() => {
    const program = path.join(scratch.path, 'minidump_maker');
    execFileSync('g++', ['-std=c++20', '-O0', '-g', '-Wl,--build-id', source, '-o', program], { stdio: 'inherit' });
    const database = path.join(scratch.path, 'database');
    fs.mkdirSync(database);
    const { signal } = spawnSync(program, [handler, database], { stdio: 'ignore' });
    assert.equal(signal, 'SIGSEGV');
    const pending = path.join(database, 'pending');
    const name = fs.readdirSync(pending).find((file) => file.endsWith('.dmp'));
    assert.ok(name, 'the handler has written no minidump');
    minidump = path.join(scratch.path, 'crash.dmp');
    fs.renameSync(path.join(pending, name), minidump);
  });
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  async function launch(name: string): Promise<Stopped> {
    const { directory, sentences } = await importCore(minidump, { output: path.join(scratch.path, `${name}.afterimage`) });
    assert.match(
      sentences.join('\n'),
      /It is a minidump: 2 threads, .*Stacks and local variables can be inspected\. The heap is not in it/,
    );
    return client.launch({ recording: directory });
  }

  it('stops at the crash, not in the code that wrote the dump', async () => {
    const stopped = await launch('stack');
    assert.equal(stopped.text, 'SIGSEGV (address not mapped) at address 0x20');
    const [top, caller] = stopped.frames;
    assert.match(top!.name, /Book::react$/);
    assert.deepEqual([top!.line, top!.source?.path], [lineOf(source, '*total += last_;'), source]);
    assert.equal(caller!.name, 'main');
  });

  it('shows what lies on the stack, and code; the heap it does not have', async () => {
    const { frames } = await launch('values');
    const [top, main] = frames;
    assert.equal(await client.evaluate('order.number + 1', top!), '4712');
    const order = named(await client.scope(main!, 'Locals'), 'order');
    const members = await client.variables(order.variablesReference);
    assert.deepEqual([named(members, 'number').value, named(members, 'price').value], ['4711', '12.5']);
    assert.match(named(members, 'customer').value, /^"chiyo/);
    const orders = (await client.dc.evaluateRequest({ expression: 'orders_', frameId: top!.id, context: 'watch' })).body;
    assert.equal(orders.result, 'std::map with 1 element');
    await assert.rejects(client.variables(orders.variablesReference), /Cannot access memory/);
    assert.match(await client.evaluate('> disassemble', top!, 'repl'), /=>.*mov/);
  });

  it('has the other thread, in its libraries too', async () => {
    await launch('threads');
    const { threads } = (await client.dc.threadsRequest()).body;
    assert.equal(threads.length, 2);
    const { stackFrames } = (await client.dc.stackTraceRequest({ threadId: threads[1]!.id })).body;
    const names = stackFrames.map(({ name }) => name).join('\n');
    assert.match(names, /wait_for_ever/);
    assert.match(names, /start_thread|clone/);
  });
});
