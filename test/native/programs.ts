/**
 * Builds the programs in test/native/programs into build/test-native (only what is older than its sources), records
 * where their modules are, and launches them again.
 */
import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { launcherPath } from '../../native/index';

const root = path.resolve(__dirname, '../../..');
const sources = path.join(root, 'test/native/programs');
export const built = path.join(root, 'build/test-native');

const common = ['-std=c++20', '-Wall', '-Wextra', '-Werror', '-O1', '-g', '-Wl,--build-id'];
const beside = [`-L${built}`, '-Wl,-rpath,$ORIGIN'];
const hooked = [...common, '-rdynamic', ...beside, '-lhook'];
const unhooked = [...common, '-DHOOK_WITHOUT_INTERPOSITION', 'hook.cc'];

/** What to build, in this order: output, sources, and options of g++. */
const targets: readonly (readonly [string, string, readonly string[]])[] = [
  ['libhook.so', 'hook.cc', [...common, '-fPIC', '-shared']],
  ['libdependency.so', 'dependency.cc', [...common, '-fPIC', '-shared']],
  // Pages of 2 MiB make ld.so reserve too much and trim, the one case in which it asks for no place of a file.
  ['plugin.so', 'plugin.cc', [...common, '-fPIC', '-shared', '-Wl,-z,max-page-size=0x200000', ...beside, '-ldependency']],
  ['pie', 'subject.cc', [...hooked, '-fPIE', '-pie']],
  ['pie-other-build', 'subject.cc', [...hooked, '-fPIE', '-pie', '-O2']],
  ['non-pie', 'subject.cc', [...hooked, '-fno-pie', '-no-pie']],
  ['aligned-pie', 'subject.cc', [...hooked, '-fPIE', '-pie', '-Wl,-z,max-page-size=0x200000']],
  ['static-runtime', 'subject.cc', [...hooked, '-fPIE', '-pie', '-static-libstdc++', '-static-libgcc']],
  ['without-ptrace', 'without-ptrace.cc', common],
  ['static', 'subject.cc', [...unhooked, '-static']],
  ['static-pie', 'subject.cc', [...unhooked, '-fPIE', '-static-pie']],
];

/** The plugin and the library it needs are loaded by dlopen(), with 2 MiB pages. */
export const plugin = path.join(built, 'plugin.so');

export function buildPrograms(): void {
  fs.mkdirSync(built, { recursive: true });
  const newest = Math.max(...[__filename, ...fs.readdirSync(sources).map((file) => path.join(sources, file))].map(modified));
  for (const [output, source, options] of targets) {
    const file = path.join(built, output);
    if (modified(file) > newest) continue;
    // Libraries come last: the linker takes from them only what is missing by then.
    execFileSync('g++', [source, ...options, '-o', `${file}.new`], { cwd: sources, stdio: ['ignore', 'inherit', 'inherit'] });
    fs.renameSync(`${file}.new`, file);
  }
}

function modified(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

export interface Recorded {
  readonly program: string;
  readonly plan: string;
  readonly facts: ReadonlyMap<string, string>;
}

/** Runs the program once; it writes its plan and its facts (NAME HEX) to `folder`. */
export function record(program: string, folder: string, libraries: readonly string[] = []): Recorded {
  fs.mkdirSync(folder, { recursive: true });
  execFileSync(program, [folder, ...libraries], { stdio: 'inherit' });
  const facts = fs.readFileSync(path.join(folder, 'facts'), 'utf8').trimEnd().split('\n').map(parseFact);
  return { program, plan: path.join(folder, 'plan'), facts: new Map(facts) };
}

function parseFact(line: string): [string, string] {
  const at = line.lastIndexOf(' ');
  return [line.slice(0, at), line.slice(at + 1)];
}

export interface LaunchOptions {
  readonly options?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that runs the launcher, such as setpriv. */
  readonly through?: readonly string[];
  readonly launcher?: string;
  /** Written to the launcher's stdin. */
  readonly input?: string;
}

/** A running launcher with the replayer it has started. */
export class Launch {
  readonly exited: Promise<number>;
  readonly reportsEnded: Promise<unknown>;
  readonly facts: Promise<ReadonlyMap<string, string>>;
  errors = '';
  private readonly commands: Writable;

  constructor(readonly process: ChildProcess) {
    this.commands = process.stdio[3] as Writable;
    this.commands.on('error', () => undefined); // the replayer is gone; its exit code says so
    process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.exited = once(process, 'close').then(([code, signal]) => (code as number | null) ?? 1000 + Number(signal !== null));
    const reports = process.stdio[4] as Readable;
    this.reportsEnded = once(reports, 'end');
    this.facts = readFacts(reports);
  }

  async pid(): Promise<number> {
    return Number((await this.facts).get('pid'));
  }

  /** Lets the replayer exit with `status`; the launcher's exit code. */
  finish(status = 0): Promise<number> {
    this.commands.end(Buffer.from([status]));
    return this.exited;
  }
}

/** What was reported until the stream ended or the replayer said that it was all. */
async function readFacts(reports: Readable): Promise<ReadonlyMap<string, string>> {
  const facts = new Map<string, string>();
  return new Promise((resolve) => {
    const lines = readline.createInterface({ input: reports });
    lines.on('line', (line) => {
      const [name, value] = parseFact(line);
      if (name === 'end') resolve(facts);
      else facts.set(name, value);
    });
    lines.on('close', () => resolve(facts));
  });
}

const running = new Set<Launch>();

/** Ends what a failed test has left; otherwise the test run would wait for it. */
export async function endLaunches(): Promise<void> {
  const left = [...running];
  for (const one of left) one.process.kill('SIGTERM');
  await Promise.all(left.map((one) => one.exited));
}

export function launch(program: string, plan: string, options: LaunchOptions = {}): Launch {
  const launcher = options.launcher ?? launcherPath();
  const command = [...(options.through ?? []), launcher, ...(options.options ?? []), plan, '--', program];
  const spawnOptions: SpawnOptions = {
    stdio: ['pipe', 'inherit', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  };
  const child = spawn(command[0]!, command.slice(1), spawnOptions);
  child.stdin!.on('error', () => undefined); // a launcher that does not read its stdin
  child.stdin!.end(options.input ?? 'must not be seen by the program');
  const launched = new Launch(child);
  running.add(launched);
  void launched.exited.then(() => running.delete(launched));
  return launched;
}
