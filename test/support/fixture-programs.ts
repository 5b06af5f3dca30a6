// Runs the fixture programs and finds the recordings that they leave.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

export const root = path.resolve(__dirname, '../../..');
export const flightsFile = path.join(root, 'build/data/flights-3m.bin');
export const flightBytes = 24;

/** The fixture programs that crash, with the arguments of a normal run. */
export const crashingPrograms: Readonly<Record<string, readonly string[]>> = {
  'flight-board': [flightsFile],
  'outside-world': [],
  'plugin-host': [],
  'three-reactors': [],
  'weather-station': [],
};

export const programPath = (name: string): string => path.join(root, 'build/recorder/fixtures', name, name);

/** Compiles one source file against the library that was built; the path of the program, in `directory`. */
export function compileProgram(source: string, directory: string, optimisation: '-O0' | '-O2'): string {
  const program = path.join(directory, path.basename(source, '.cc'));
  const library = path.join(root, 'build/recorder');
  const options = ['-std=c++20', optimisation, '-g', `-I${path.join(root, 'recorder/include')}`, `-L${library}`, `-Wl,-rpath,${library}`];
  execFileSync('g++', [...options, source, '-o', program, '-lafterimage'], { stdio: 'inherit' });
  return program;
}

/** A directory for recordings, gone after `use`. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-recordings-'));
  try {
    return await use(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

export function startProgram(
  name: string,
  directory: string,
  options: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): ChildProcess {
  const program = programPath(name);
  const args = [...(crashingPrograms[name] ?? []), '--directory', directory, ...options];
  return spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, ...environment } });
}

/** Runs a program that is expected to crash; the path of its recording. */
export async function recordCrash(
  name: string,
  directory: string,
  options: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const [code, signal] = (await once(startProgram(name, directory, options, environment), 'exit')) as [
    number | null,
    NodeJS.Signals | null,
  ];
  assert.ok(signal !== null, `${name} was expected to crash, but ended with exit code ${code}`);
  return onlyRecordingIn(directory);
}

export function onlyRecordingIn(directory: string): string {
  const names = recordingsIn(directory);
  assert.equal(names.length, 1, `one recording expected in ${directory}, found ${names.join(', ') || 'none'}`);
  return path.join(directory, names[0]!);
}

export const recordingsIn = (directory: string): string[] => fs.readdirSync(directory).filter((name) => name.endsWith('.afterimage'));

/** How often a test repeats itself: `npm run soak` says, `npm test` takes the small number. */
export function repetitions(variable: `AFTERIMAGE_${'PAIRS' | 'STATE_PAIRS' | 'KILLS' | 'MUTATIONS'}`, otherwise: number): number {
  return Number(process.env[variable] ?? otherwise);
}
