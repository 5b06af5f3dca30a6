// What doctor looks at: facts about this machine, gathered without changing anything. What cannot be found out is `undefined`.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import { text } from 'node:stream/consumers';
import { nativeAvailable } from '../../native';
import { launcherPath } from '../replay/replayer';

export interface Machine {
  readonly platform: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly nodeVersion: string;
  readonly native: boolean;
  readonly launcher: boolean;
  /** What gdb says when it runs a program. */
  readonly gdb: GdbAnswer;
  /** kernel.yama.ptrace_scope; a kernel without Yama has none. */
  readonly ptraceScope: number | undefined;
  /** CONFIG_CHECKPOINT_RESTORE, of which PR_SET_MM_MAP is a part. */
  readonly checkpointRestore: boolean;
  /** vm.unprivileged_userfaultfd. */
  readonly userfaultfd: number | undefined;
  readonly overcommit: number | undefined;
  readonly clocksource: string | undefined;
  readonly cpu: string;
  readonly cpuFlags: ReadonlySet<string>;
  readonly corePattern: string | undefined;
  readonly coreLimit: string | undefined;
  /** In the current directory. */
  readonly freeBytes: number | undefined;
  readonly administrator: boolean;
}

export interface GdbAnswer {
  readonly command: string;
  /** Undefined when it could not be started. */
  readonly version: string | undefined;
  readonly python: boolean;
  readonly runsPrograms: boolean;
}

export async function lookAtMachine(gdb: string): Promise<Machine> {
  const number = (file: string) => numberIn(readText(file));
  const cpuInfo = readText('/proc/cpuinfo') ?? '';
  return {
    platform: process.platform,
    architecture: process.arch,
    kernel: os.release(),
    nodeVersion: process.versions.node,
    native: nativeAvailable(),
    launcher: hasLauncher(),
    gdb: await askGdb(gdb),
    ptraceScope: number('/proc/sys/kernel/yama/ptrace_scope'),
    checkpointRestore: fs.existsSync('/proc/sys/kernel/ns_last_pid'),
    userfaultfd: number('/proc/sys/vm/unprivileged_userfaultfd'),
    overcommit: number('/proc/sys/vm/overcommit_memory'),
    clocksource: readText('/sys/devices/system/clocksource/clocksource0/current_clocksource')?.trim(),
    cpu: /^model name\s*:\s*(.*)$/m.exec(cpuInfo)?.[1] ?? 'unknown',
    cpuFlags: new Set(/^flags\s*:\s*(.*)$/m.exec(cpuInfo)?.[1]?.split(' ') ?? []),
    corePattern: readText('/proc/sys/kernel/core_pattern')?.trim(),
    coreLimit: /^Max core file size\s+(\S+)/m.exec(readText('/proc/self/limits') ?? '')?.[1],
    freeBytes: freeBytesHere(),
    administrator: process.getuid?.() === 0,
  };
}

async function askGdb(command: string): Promise<GdbAnswer> {
  const script = ['-ex', 'python print("python", gdb.VERSION)', '-ex', 'run'];
  const child = spawn(command, ['-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', ...script, '/bin/true'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const started = await new Promise<boolean>((resolve) => {
    child.on('spawn', () => resolve(true));
    child.on('error', () => resolve(false));
  });
  if (!started) return { command, version: undefined, python: false, runsPrograms: false };
  const [said] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const python = /^python (\S+)/m.exec(said)?.[1];
  return { command, version: python ?? 'unknown', python: python !== undefined, runsPrograms: /exited normally/.test(said) };
}

function hasLauncher(): boolean {
  try {
    fs.accessSync(launcherPath(), fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function freeBytesHere(): number | undefined {
  try {
    const { bavail, bsize } = fs.statfsSync('.');
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const numberIn = (content: string | undefined): number | undefined => (content === undefined ? undefined : Number(content.trim()));
