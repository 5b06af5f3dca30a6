// A recording from a machine whose C library is another build: from the bundle it replays here, without it is refused.
//
// That machine is a directory: copies of the dynamic linker and the C library with other build-ids, and a program that asks for
// them. Afterwards its dynamic linker is this machine's own, as that at /lib64/ld-linux-x86-64.so.2 would be.
//
// With AFTERIMAGE_OTHER_GLIBC=DIRECTORY its libraries are those of another glibc in truth, for example those of an unpacked
// older libc6_*.deb (apt-get download libc6=VERSION; dpkg-deb -x).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording, readBuildId } from '../../debug-adapter/recording';
import { afterimage } from '../support/cli';
import { Client } from '../debug-adapter/session/client';
import { onlyRecordingIn, programPath } from '../support/fixture-programs';

const INTERPRETER = '/lib64/ld-linux-x86-64.so.2';
const OTHER_GLIBC = process.env['AFTERIMAGE_OTHER_GLIBC'];

/** Where this process has them. */
function libraryHere(name: string): string {
  const line = fs.readFileSync('/proc/self/maps', 'utf8').split('\n').find((mapping) => mapping.endsWith(`/${name}`)); // prettier-ignore
  const directories = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64'];
  const found =
    line?.slice(line.indexOf('/')) ?? directories.map((directory) => `${directory}/${name}`).find((file) => fs.existsSync(file));
  assert.ok(found, `${name} is not on this machine`);
  return fs.realpathSync(found);
}

/** The same code under another build-id. */
function copyAsOtherBuild(from: string, to: string): void {
  const file = fs.readFileSync(from);
  const id = Buffer.from(readBuildId(from)!, 'hex');
  const at = file.indexOf(id);
  assert.ok(at > 0);
  file[at] = file[at]! ^ 0xff;
  fs.writeFileSync(to, file, { mode: 0o755 });
}

function installGlibc(machine: string): void {
  const install = OTHER_GLIBC === undefined ? copyAsOtherBuild : fs.copyFileSync;
  const file = (name: string) => (OTHER_GLIBC === undefined ? libraryHere(name) : path.join(OTHER_GLIBC, name));
  for (const name of ['libc.so.6', 'libm.so.6']) install(file(name), `${machine}/lib/${name}`);
  install(OTHER_GLIBC === undefined ? fs.realpathSync(INTERPRETER) : file(path.basename(INTERPRETER)), `${machine}/ld.so`);
}

function copyAskingFor(interpreter: string, from: string, to: string): void {
  const file = fs.readFileSync(from);
  const at = file.indexOf(`${INTERPRETER}\0`);
  assert.ok(at > 0 && interpreter.length <= INTERPRETER.length);
  file.fill(0, at, at + INTERPRETER.length);
  file.write(interpreter, at);
  fs.writeFileSync(to, file, { mode: 0o755 });
}

describe('a recording from a machine with another build of glibc', function () {
  this.timeout(300_000);
  let machine: string;
  let recording: string;
  let unpacked: string;

  before(async () => {
    machine = fs.mkdtempSync('/tmp/ag-'); // a short path: it takes the place of the dynamic linker's
    const program = path.join(machine, 'three-reactors');
    fs.mkdirSync(`${machine}/lib`);
    for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) fs.copyFileSync(libraryHere(name), `${machine}/lib/${name}`);
    installGlibc(machine);
    copyAskingFor(`${machine}/ld.so`, programPath('three-reactors'), program);
    const env = { ...process.env, LD_LIBRARY_PATH: `${machine}/lib` };
    const [, signal] = (await once(spawn(program, ['--directory', machine], { env, stdio: 'ignore' }), 'exit')) as [number, string];
    assert.equal(signal, 'SIGFPE');
    recording = onlyRecordingIn(machine);
    const bundle = `${machine}/bundle.mcap`;
    const packed = await afterimage(['pack', '--modules', '-o', bundle, recording]);
    assert.equal(packed.code, 0, packed.stderr);

    unpacked = `${machine}/unpacked.afterimage`;
    assert.equal((await afterimage(['unpack', '-o', unpacked, bundle])).code, 0);

    fs.copyFileSync(INTERPRETER, `${machine}/ld.so`);
    fs.rmSync(`${machine}/lib`, { recursive: true });
  });
  after(() => fs.rmSync(machine, { recursive: true }));

  it('replays from the bundle: 5 of 5', async () => {
    for (let i = 1; i <= 5; i++) {
      const { code, stdout, stderr } = await afterimage(['replay', unpacked]);
      assert.match(stdout, /The same crash as recorded: same event, signal and instruction\.\n$/, `replay ${i}: ${stderr}`);
      assert.equal(code, 0);
    }
  });

  it('is debugged from the bundle: gdb stands in react() of the crash, and steps', async () => {
    const client = Client.start();
    try {
      const stopped = await client.launch({ recording: unpacked });
      assert.equal(stopped.frames[0]?.name, 'Ledger::react');
      const next = await client.next();
      assert.deepEqual([next.frames[0]?.name, next.reason], ['Ledger::react', 'step']);
    } finally {
      await client.close();
    }
  });

  it('is refused without the bundle, with both build-ids', async () => {
    const recorded = openRecording(recording).manifest.modules.find((module) => module.kind === 'interp')!.buildId;
    const { code, stderr } = await afterimage(['replay', recording]);
    assert.equal(code, 2);
    assert.ok(stderr.includes(recorded) && stderr.includes(readBuildId(INTERPRETER)!), stderr);
  });
});
