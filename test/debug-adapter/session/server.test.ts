import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { recordFlightBoard } from '../../end-to-end/support/flight-recording';
import { temporaryDirectory } from '../../support/temporary-directory';
import { adapter, Client } from './client';
import { childrenOf } from './processes';

describe('the debug adapter as a server', () => {
  const directory = temporaryDirectory();
  let server: ChildProcess;
  let port: number;

  before(async () => {
    server = spawn('node', [adapter, '--server=0'], { stdio: ['ignore', 'inherit', 'pipe'] });
    const [said] = (await once(server.stderr!, 'data')) as [Buffer];
    port = Number(/listening on (\d+)/.exec(said.toString())?.[1]);
  });
  after(async () => {
    server.kill();
    await once(server, 'exit');
  });

  it('serves one session after the other, and leaves no process of them', async () => {
    const recording = await recordFlightBoard(directory.path);
    for (let session = 0; session < 2; session++) {
      const client = await Client.connect(port);
      assert.equal((await client.launch({ recording })).frames[0]!.name, 'FlightBoard::react');
      assert.ok(childrenOf(server.pid!).length >= 3);
      await client.close();
      while (childrenOf(server.pid!).length > 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it('says why it cannot listen', async () => {
    const second = spawn('node', [adapter, `--server=${port}`], { stdio: ['ignore', 'inherit', 'pipe'] });
    const [[said], [code]] = (await Promise.all([once(second.stderr!, 'data'), once(second, 'exit')])) as [[Buffer], [number]];
    assert.match(said.toString(), new RegExp(`cannot listen on port ${port} of 127\\.0\\.0\\.1: .*EADDRINUSE`));
    assert.equal(code, 1);
  });
});
