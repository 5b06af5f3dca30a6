// Real cores: of the kernel, and of gcore.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { onlyRecordingIn, root } from '../../support/fixture-programs';

const source = path.join(root, 'test/debug-adapter/import/core_maker.cc');

export interface MadeCore {
  readonly core: string;
  /** `undefined` without the recorder. */
  readonly recording: string | undefined;
  readonly program: string;
  readonly processId: number;
}

export type Way = 'segv' | 'abort' | 'overflow' | 'corrupt' | 'outside';

/** Compiles the program twice, in `directory`. */
export function compileCoreMakers(directory: string): { recorded: string; plain: string } {
  const library = path.join(root, 'build/recorder');
  const options = ['-std=c++20', '-O0', '-g', '-Wl,--build-id', source, '-o'];
  const recorded = path.join(directory, 'recorded_maker');
  const plain = path.join(directory, 'plain_maker');
  const recorder = ['-DRECORDED', `-I${path.join(root, 'recorder/include')}`, `-L${library}`, `-Wl,-rpath,${library}`, '-lafterimage'];
  execFileSync('g++', [...options, recorded, ...recorder], { stdio: 'inherit' });
  execFileSync('g++', [...options, plain], { stdio: 'inherit' });
  return { recorded, plain };
}

/** Runs a program until it crashes; the kernel writes the core. `filter`: coredump_filter, see core(5). */
export function crash(program: string, way: Way, scratch: string, filter = '0x33'): MadeCore {
  const directory = fs.mkdtempSync(path.join(scratch, `${way}-`));
  const { core, processId } = dumpCore([program, 'recordings', way], directory, filter);
  return { core, recording: recordingOf(directory), program, processId };
}

/** Runs a command, in a directory, until it crashes; where the kernel has put the core. */
export function dumpCore(command: readonly string[], directory: string, filter = '0x33'): Pick<MadeCore, 'core' | 'processId'> {
  const pattern = fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  assert.ok(
    !/[|/%]/.test(pattern),
    `these tests need cores in the current directory: sysctl kernel.core_pattern=core (it is "${pattern}")`,
  );
  const script = 'ulimit -c unlimited && echo "$1" > /proc/self/coredump_filter && shift && exec "$@"';
  const { pid, signal } = spawnSync('bash', ['-c', script, 'bash', filter, ...command], { cwd: directory, stdio: 'ignore' });
  assert.notEqual(signal, null, `${command.join(' ')} was expected to crash`);
  const name = fs.readdirSync(directory).find((entry) => entry.startsWith('core'));
  assert.ok(name !== undefined, `${command.join(' ')}: no core in ${directory}`);
  return { core: path.join(directory, name), processId: pid };
}

/** A copy of a running process, made by gcore between two events or inside one; the process is ended behind it. */
export async function copyRunning(program: string, where: 'between' | 'inside', scratch: string): Promise<MadeCore> {
  const directory = fs.mkdtempSync(path.join(scratch, `${where}-`));
  const child = spawn(program, ['recordings', where], { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  await once(createInterface({ input: child.stdout }), 'line');
  execFileSync('gcore', ['-o', path.join(directory, 'core'), String(child.pid)], { stdio: 'ignore' });
  child.kill('SIGKILL');
  await ended;
  return { core: path.join(directory, `core.${child.pid}`), recording: recordingOf(directory), program, processId: child.pid! };
}

function recordingOf(directory: string): string | undefined {
  const recordings = path.join(directory, 'recordings');
  return fs.existsSync(recordings) ? onlyRecordingIn(recordings) : undefined;
}

/** The first part of a core, in a file of its own beside it. */
export function cutOff(core: string, percent: number): string {
  const copy = `${core}-${percent}-percent`;
  fs.copyFileSync(core, copy);
  fs.truncateSync(copy, Math.floor((fs.statSync(core).size * percent) / 100));
  return copy;
}
