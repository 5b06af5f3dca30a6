// Programs as distributions ship them: stripped, with the debug information in files of their own, known by build-id. Where those lie in
// a store of builds, everything is told as if they had never been apart.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { readBuildId } from '../../debug-adapter/recording';
import { Client } from '../debug-adapter/session/client';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, root } from '../support/fixture-programs';
import { temporaryDirectory } from '../support/temporary-directory';
import { lineOf } from './support/flight-recording';

const FILES = ['plugin-host', 'libpricing-rules.so'];
const source = fs.realpathSync(path.join(root, 'fixtures/programs/plugin-host/pricing_rules.cc'));

describe('debug information in files of its own', function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();
  let recording: string;
  const variables = ['XDG_CACHE_HOME', 'DEBUGINFOD_CACHE_PATH'] as const;
  const outside = variables.map((name) => process.env[name]);
  const at = (...names: string[]) => path.join(directory.path, ...names);

  before(() => {
    process.env['XDG_CACHE_HOME'] = at('cache');
    delete process.env['DEBUGINFOD_CACHE_PATH'];
    for (const name of ['app', 'debug']) fs.mkdirSync(at(name));
    for (const name of FILES) {
      const whole = path.join(path.dirname(programPath('plugin-host')), name);
      execFileSync('objcopy', ['--only-keep-debug', whole, at('debug', name)]);
      execFileSync('objcopy', ['--strip-debug', whole, at('app', name)]);
    }
    assert.equal(spawnSync(at('app/plugin-host'), ['--directory', at()], { stdio: 'ignore' }).signal, 'SIGSEGV');
    recording = onlyRecordingIn(at());
  });
  after(() =>
    variables.forEach((name, i) => {
      if (outside[i] === undefined) delete process.env[name];
      else process.env[name] = outside[i];
    }),
  );
  afterEach(() => fs.rmSync(at('cache'), { recursive: true, force: true }));

  function fill(place: (buildId: string) => string): void {
    for (const name of FILES) {
      const file = place(readBuildId(at('app', name))!);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.copyFileSync(at('debug', name), file);
    }
  }

  async function crashHasItsLine(given: string): Promise<void> {
    const client = Client.start();
    try {
      await client.launch({ recording: given });
      const { frames } = await client.continue();
      assert.match(frames[0]!.name, /Vouchers::redeem/);
      assert.deepEqual([frames[0]!.source?.path, frames[0]!.line], [source, lineOf(source, 'max<Cents>(0, price - voucher->worth)')]);
    } finally {
      await client.close();
    }
  }

  const stores: [title: string, place: (buildId: string) => string][] = [
    ['the store of builds', (id) => at('cache/afterimage/build-id', id.slice(0, 2), `${id.slice(2)}.debug`)],
    ['what debuginfod has fetched before', (id) => at('cache/debuginfod_client', id, 'debuginfo')],
  ];
  for (const [title, place] of stores) {
    describe(`in ${title}`, () => {
      beforeEach(() => fill(place));

      it('gives the stack of the crash its source lines', () => crashHasItsLine(recording));

      it('goes with a packed recording', async () => {
        const [packed, unpacked] = [at('whole.mcap'), at('unpacked.afterimage')];
        assert.equal((await afterimage(['pack', '--modules', '-o', packed, recording])).code, 0);
        fs.rmSync(at('cache'), { recursive: true });
        assert.equal((await afterimage(['unpack', '-o', unpacked, packed])).code, 0);
        await crashHasItsLine(unpacked);
        for (const made of [packed, unpacked]) fs.rmSync(made, { recursive: true });
      });

      it('compiles the expression of a question', async () => {
        const { code, stdout, stderr } = await afterimage(['find', '--expression', 'order.cents_each > 500', '--json', recording]);
        assert.equal(code, 0, stdout + stderr);
      });

      it('shows payloads as C++ values', async () => {
        const { code, stdout, stderr } = await afterimage(['events', '--typed', '--count', '1', recording]);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /cents_each = 520}/);
      });
    });
  }
});
