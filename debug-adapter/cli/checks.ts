// What the facts about a machine mean for recording and replaying: one sentence each, and what to do. Pure.

import { type Machine } from './machine';
import { byteSize } from './text';

export interface Check {
  readonly name: string;
  /** warn: it works, but less well. fail: recording or replaying does not work. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly sentence: string;
  readonly fix?: string;
}

const GDB_MAJOR_MIN = 12;
const NODE_MAJOR_MIN = 20;
const DISK_BYTES_LOW = 2 * 2 ** 30;
const DISK_BYTES_MIN = 200 * 2 ** 20;

export const examine = (machine: Machine): Check[] =>
  [system, kernel, processor, clock, memory, disk, node, launcher, placement, ptrace, gdb, cores].map((check) => check(machine));

const ok = (name: string, sentence: string): Check => ({ name, status: 'ok', sentence });
const warn = (name: string, sentence: string, fix: string): Check => ({ name, status: 'warn', sentence, fix });
const fail = (name: string, sentence: string, fix: string): Check => ({ name, status: 'fail', sentence, fix });

function system({ platform, architecture }: Machine): Check {
  if (platform === 'linux' && architecture === 'x64') return ok('system', 'Linux on x86-64.');
  return fail('system', `${platform} on ${architecture} can read recordings, but neither record nor replay.`, 'Use Linux on x86-64.');
}

function kernel({ kernel: release, userfaultfd, administrator }: Machine): Check {
  const snapshots = isAtLeast(release, 6, 7);
  if (snapshots) return ok('kernel', `Linux ${release}: snapshots are taken while the program runs (userfaultfd WP_ASYNC, PAGEMAP_SCAN).`);
  if (userfaultfd === 1 || administrator)
    return warn(
      'kernel',
      `Linux ${release} has no PAGEMAP_SCAN: snapshots use copy on write.`,
      'Linux 6.7 or newer tells which pages were written.',
    );
  return warn(
    'kernel',
    `Linux ${release} has no PAGEMAP_SCAN, and userfaultfd is for administrators: snapshots stop the program longer.`,
    'Use Linux 6.7 or newer, or: sudo sysctl vm.unprivileged_userfaultfd=1',
  );
}

function processor({ cpu, cpuFlags }: Machine): Check {
  if (cpuFlags.size === 0) return warn('processor', 'The features of the processor are unknown.', 'Is /proc mounted?');
  const best = cpuFlags.has('avx512f') ? 'AVX-512' : cpuFlags.has('avx2') ? 'AVX2' : 'SSE2';
  return ok('processor', `${cpu}, up to ${best}. Recordings of a processor with more may not replay here.`);
}

function clock({ clocksource, cpuFlags }: Machine): Check {
  const steady = cpuFlags.has('constant_tsc') && cpuFlags.has('nonstop_tsc');
  if (clocksource === 'tsc' || (steady && clocksource !== undefined))
    return ok('clock', `Events are stamped with the time-stamp counter (clock source ${clocksource}).`);
  return warn(
    'clock',
    `The clock source is ${clocksource ?? 'unknown'}: each event costs a slow reading of the clock.`,
    'On a virtual machine, ask for a host with an invariant TSC.',
  );
}

function memory({ overcommit }: Machine): Check {
  if (overcommit !== 2) return ok('memory', 'Address space for heaps can be reserved.');
  return warn(
    'memory',
    'The kernel promises no more memory than there is (vm.overcommit_memory 2): large heaps may be refused.',
    'sudo sysctl vm.overcommit_memory=0',
  );
}

function disk({ freeBytes }: Machine): Check {
  if (freeBytes === undefined) return warn('disk', 'The free space here is unknown.', 'Record into a directory on a local disk.');
  const sentence = `${byteSize(freeBytes)} free in the current directory.`;
  if (freeBytes < DISK_BYTES_MIN) return fail('disk', sentence, 'Make room: a recording begins with three segments of 16 MiB a reactor.');
  return freeBytes < DISK_BYTES_LOW ? warn('disk', sentence, 'Record elsewhere, or with a limit.') : ok('disk', sentence);
}

function node({ nodeVersion }: Machine): Check {
  if (Number(nodeVersion.split('.')[0]) >= NODE_MAJOR_MIN) return ok('node', `Node ${nodeVersion}.`);
  return fail('node', `Node ${nodeVersion} is too old.`, `Use Node ${NODE_MAJOR_MIN} or newer.`);
}

function launcher({ launcher: there, native }: Machine): Check {
  if (there && native) return ok('launcher', 'afterimage-launch and the native addon are there.');
  return fail('launcher', `${there ? 'The native addon' : 'afterimage-launch'} is missing.`, 'Build it: npm run build');
}

function placement({ checkpointRestore }: Machine): Check {
  if (checkpointRestore) return ok('placement', 'The kernel tells debuggers where a program was placed (PR_SET_MM_MAP).');
  return warn(
    'placement',
    'The kernel has no PR_SET_MM_MAP: gdb may not find the symbols of a replayed program.',
    'Use a kernel with CONFIG_CHECKPOINT_RESTORE; those of the distributions have it.',
  );
}

function ptrace({ ptraceScope, administrator, gdb: { version, runsPrograms } }: Machine): Check {
  const scope = ptraceScope === undefined ? 'no Yama' : `kernel.yama.ptrace_scope ${ptraceScope}`;
  if ((ptraceScope ?? 0) >= (administrator ? 3 : 2))
    return fail('ptrace', `Programs may not be traced (${scope}): nothing can be replayed.`, 'sudo sysctl kernel.yama.ptrace_scope=1');
  if (version !== undefined && !runsPrograms)
    return fail(
      'ptrace',
      `gdb cannot run a program here (${scope}).`,
      'In a container: docker run --cap-add SYS_PTRACE --security-opt seccomp=unconfined',
    );
  return ok('ptrace', `Programs may be traced (${scope}).`);
}

function gdb({ gdb: { command, version, python } }: Machine): Check {
  const install = 'On Debian or Ubuntu: sudo apt-get install gdb';
  if (version === undefined) return fail('gdb', `${command} was not found; debugging a replay needs it.`, install);
  if (!python) return fail('gdb', `${command} has no Python.`, `Use a gdb built with Python. ${install}`);
  if (Number.parseInt(version, 10) < GDB_MAJOR_MIN) return fail('gdb', `gdb ${version} is too old.`, `Use gdb ${GDB_MAJOR_MIN} or newer.`);
  return ok('gdb', `gdb ${version} with Python.`);
}

function cores({ corePattern, coreLimit }: Machine): Check {
  if (corePattern === undefined || corePattern === '' || corePattern === '|/bin/false')
    return warn(
      'cores',
      'Core dumps are thrown away; recordings do not need them, afterimage import does.',
      'sudo sysctl kernel.core_pattern=core',
    );
  if (corePattern.startsWith('|'))
    return ok('cores', `Core dumps go to ${corePattern.slice(1).split(' ')[0]}; see afterimage import --latest.`);
  if (coreLimit === '0')
    return warn('cores', 'This shell forbids core dumps; recordings do not need them, afterimage import does.', 'ulimit -c unlimited');
  return ok('cores', `Core dumps are files named ${corePattern}.`);
}

function isAtLeast(release: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return a > major || (a === major && b >= minor);
}
