// What the user is told when a session cannot begin: a sentence, with values and advice, in the answer to `launch`.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { recordFlightBoard } from '../../end-to-end/support/flight-recording';
import { programPath } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client } from './client';
import { childrenOf } from './processes';

describe('a session that cannot begin', () => {
  const directory = temporaryDirectory();
  let recording: string;
  let client: Client;

  before(async () => (recording = await recordFlightBoard(directory.path)));
  beforeEach(() => (client = Client.start()));
  afterEach(() => client.close());

  /** The answer to a launch that fails. */
  async function refusal(args: object): Promise<string> {
    await client.dc.initializeRequest();
    const failure = await client.dc.launchRequest(args as DebugProtocol.LaunchRequestArguments).then(
      () => assert.fail('the launch succeeded'),
      (error: Error) => error,
    );
    assert.doesNotMatch(failure.message, /\n\s+at |Error:/, 'a stack trace');
    assert.match(failure.message, /^[A-Z"/][^]*\.$/, 'a sentence');
    assert.deepEqual(childrenOf(client.pid), [], 'a process is left');
    return failure.message;
  }

  /** The recording with something done to it. */
  function damaged(damage: (directory: string) => void): string {
    const copy = fs.mkdtempSync(path.join(directory.path, 'copy-'));
    const name = path.join(copy, path.basename(recording));
    fs.cpSync(recording, name, { recursive: true });
    damage(name);
    return name;
  }

  const filesOf = (bundle: string, pattern: RegExp) =>
    fs
      .readdirSync(path.join(bundle, 'r0'))
      .filter((name) => pattern.test(name))
      .map((name) => path.join(bundle, 'r0', name));

  it('for want of a recording', async () => {
    assert.match(await refusal({ recording: '/nowhere/x.afterimage' }), /^There is no recording at \/nowhere\/x\.afterimage/);
  });

  it('for want of arguments', async () => {
    assert.match(await refusal({}), /^In the launch configuration, "recording" is not right .*a directory named \*\.afterimage/);
  });

  it('for a wrong argument', async () => {
    assert.match(await refusal({ recording, stopAt: 'somewhere' }), /"stopAt" is not right .*Where the session begins/);
  });

  it('for a reactor that was not recorded', async () => {
    assert.match(await refusal({ recording, reactor: 'nobody' }), /no reactor "nobody".*board/);
  });

  it('for another program', async () => {
    assert.match(
      await refusal({ recording, program: '/bin/true' }),
      /^\/bin\/true is build [0-9a-f]+, but the recording was made by build [0-9a-f]+/,
    );
  });

  it('for another build of the program', async () => {
    assert.match(await refusal({ recording, program: programPath('plugin-host') }), /plugin-host is build .* Give the very executable/);
  });

  it('for want of the program', async () => {
    const moved = damaged((bundle) => {
      const manifest = path.join(bundle, 'manifest.json');
      fs.writeFileSync(manifest, fs.readFileSync(manifest, 'utf8').replaceAll(programPath('flight-board'), '/nowhere/flight-board'));
      fs.writeFileSync(
        manifest,
        fs.readFileSync(manifest, 'utf8').replaceAll(fs.realpathSync(programPath('flight-board')), '/nowhere/flight-board'),
      );
    });
    assert.match(await refusal({ recording: moved }), /^The program that made the recording, \/nowhere\/flight-board .*"program"/);
    assert.match(await refusal({ recording: moved, program: '/nowhere/else' }), /^The program \/nowhere\/else does not exist/);
  });

  it('for want of gdb', async () => {
    assert.match(await refusal({ recording, gdb: '/nowhere/gdb' }), /^There is no gdb at "\/nowhere\/gdb"\. .*sudo apt-get install gdb\.$/);
  });

  it('for a gdb that is none', async () => {
    assert.match(await refusal({ recording, gdb: '/bin/true' }), /^The debugger, gdb, ended with status 0/);
  });

  it('for a recording without a usable snapshot', async () => {
    const truncated = damaged((bundle) => filesOf(bundle, /^snap-/).forEach((file) => fs.truncateSync(file, fs.statSync(file).size / 2)));
    assert.match(await refusal({ recording: truncated }), /no usable snapshot of board/);
  });

  it('for a recording that is no longer one', async () => {
    const empty = damaged((bundle) => fs.rmSync(path.join(bundle, 'manifest.json')));
    assert.match(await refusal({ recording: empty }), /is not a recording: it has no manifest\.json/);
  });

  it('but begins with a recording whose log is cut off, says so, and ends where it ends', async () => {
    const cut = damaged((bundle) => {
      const [first, ...others] = filesOf(bundle, /^ev-/);
      fs.truncateSync(first!, 50_000);
      for (const file of others) fs.rmSync(file);
    });
    const stopped = await client.launch({ recording: cut, stopAt: 'start' });
    assert.equal(stopped.frames[0]!.name, 'FlightBoard::react');
    const { end } = client.position!;
    assert.ok(end > 10 && end < 50_000 / 24, `${end} events`);
    const last = await client.continue();
    assert.equal(last.description, `End of the recording, after event ${(end - 1).toLocaleString('en-US')}`);
    assert.equal(client.position!.position, end);
    assert.match(client.output.join(''), /cut off|lost|ends/);
  });

  it('answers requests that come too early', async () => {
    await client.dc.initializeRequest();
    await assert.rejects(client.dc.stackTraceRequest({ threadId: 1 }), /No recording is open/);
    await assert.rejects(client.dc.nextRequest({ threadId: 1 }), /No recording is open/);
  });
});
