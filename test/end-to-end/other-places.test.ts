// A recording on a machine where executable and libraries are not where they were: found by build-id, through a path map, a sysroot, a store
// of builds or the bundle. The program is a host whose plugin it opens by an absolute path.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { openRecording, readBuildId } from '../../debug-adapter/recording';
import { Client } from '../debug-adapter/session/client';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath } from '../support/fixture-programs';

const FILES = ['plugin-host', 'libpricing-rules.so'];
const SAME_CRASH = /The same crash as recorded: same event, signal, instruction and fault address\.\n$/;

describe('a recording whose program is elsewhere', function () {
  this.timeout(120_000);
  let machine: string;
  let recording: string;
  const cacheBefore = process.env['XDG_CACHE_HOME'];
  const at = (...names: string[]) => path.join(machine, ...names);

  before(async () => {
    machine = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-places-'));
    process.env['XDG_CACHE_HOME'] = at('cache');
    for (const directory of ['app', 'elsewhere']) fs.mkdirSync(at(directory));
    for (const name of FILES) fs.copyFileSync(path.join(path.dirname(programPath('plugin-host')), name), at('app', name));
    assert.equal(spawnSync(at('app/plugin-host'), ['--directory', machine], { stdio: 'ignore' }).signal, 'SIGSEGV');
    recording = onlyRecordingIn(machine);
    const packed = await afterimage(['pack', '--modules', '-o', at('bundle.mcap'), recording]);
    assert.equal(packed.code, 0, packed.stderr);
    for (const name of FILES) fs.renameSync(at('app', name), at('elsewhere', name));
  });
  after(() => {
    if (cacheBefore === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cacheBefore;
    fs.rmSync(machine, { recursive: true });
  });
  afterEach(() => {
    for (const name of ['cache', 'sysroot']) fs.rmSync(at(name), { recursive: true, force: true });
    for (const name of FILES) fs.rmSync(at('app', name), { force: true });
  });

  async function replays(given: string, ...options: string[]): Promise<void> {
    const { code, stdout, stderr } = await afterimage(['replay', given, ...options]);
    assert.match(stdout, SAME_CRASH, stderr);
    assert.equal(code, 0);
  }

  /** Under names that say nothing. */
  function fill(place: (buildId: string) => string): void {
    for (const name of FILES) {
      const file = place(readBuildId(at('elsewhere', name))!);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.copyFileSync(at('elsewhere', name), file);
      fs.chmodSync(file, 0o755);
    }
  }

  const inOwnStore = (id: string) => at('cache/afterimage/build-id', id.slice(0, 2), id.slice(2));

  it('is refused with the places that were searched', async () => {
    const { code, stderr } = await afterimage(['replay', recording]);
    assert.equal(code, 2);
    for (const place of [at('app/plugin-host'), at('cache/afterimage/build-id'), '/usr/lib/debug/.build-id', at('cache/debuginfod_client')])
      assert.ok(stderr.replace(/\s+/g, ' ').includes(place), `${place} is not in: ${stderr}`);
  });

  it('replays with a path map', () => replays(recording, '--path-map', `${at('app')}=${at('elsewhere')}`));

  it('replays with a sysroot', async () => {
    fs.mkdirSync(path.dirname(at('sysroot', at('app'))), { recursive: true });
    fs.symlinkSync(at('elsewhere'), at('sysroot', at('app')));
    await replays(recording, '--sysroot', at('sysroot'));
  });

  it('replays from the store of builds', async () => {
    fill(inOwnStore);
    await replays(recording);
  });

  it('replays from what debuginfod has fetched before', async () => {
    fill((id) => at('cache/debuginfod_client', id, 'executable'));
    await replays(recording);
  });

  it('does not take a file of another build from there', async () => {
    for (const name of FILES) {
      const file = inOwnStore(readBuildId(at('elsewhere', name))!);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.copyFileSync(programPath('three-reactors'), file);
    }
    assert.equal((await afterimage(['replay', recording])).code, 2);
  });

  it('replays a react() that opens the plugin itself, by the path that it had', async () => {
    for (const name of FILES) fs.copyFileSync(at('elsewhere', name), at('app', name));
    fs.mkdirSync(at('reloading'));
    assert.equal(spawnSync(at('app/plugin-host'), ['--directory', at('reloading'), '--reload'], { stdio: 'ignore' }).signal, 'SIGSEGV');
    for (const name of FILES) fs.rmSync(at('app', name));
    const reloading = onlyRecordingIn(at('reloading'));
    await replays(reloading, '--path-map', `${at('app')}=${at('elsewhere')}`);
  });

  it('is debugged with a path map of launch.json: gdb knows the plugin', async () => {
    const client = Client.start();
    try {
      await client.launch({ recording, pathMap: { [at('app')]: at('elsewhere') } });
      const crashed = await client.continue();
      assert.match(crashed.frames[0]!.name, /Vouchers::redeem/);
    } finally {
      await client.close();
    }
  });

  for (const what of ['is gone', 'is of another build']) {
    it(`replays from the bundle when the plugin ${what}`, async () => {
      const unpacked = at(`unpacked-${what.replaceAll(' ', '-')}.afterimage`);
      assert.equal((await afterimage(['unpack', '-o', unpacked, at('bundle.mcap')])).code, 0);
      if (what !== 'is gone') asOtherBuild(at('elsewhere/libpricing-rules.so'), at('app/libpricing-rules.so'));
      await replays(unpacked);
      const { manifest } = openRecording(unpacked);
      assert.ok(manifest.modules.some((module) => module.path === at('app/libpricing-rules.so')));
    });
  }
});

/** The same code under another build-id. */
function asOtherBuild(from: string, to: string): void {
  const file = fs.readFileSync(from);
  const id = file.indexOf(Buffer.from(readBuildId(from)!, 'hex'));
  file[id] = file[id]! ^ 0xff;
  fs.writeFileSync(to, file);
}
