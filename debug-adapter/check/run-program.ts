// Starts a program with the checking library loaded in front of it, and waits for its end, whatever that is.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoundedFile, isDynamicProgram } from '../recording';
import { noCheckLibrary, notAProgram, notLinked, notStarted, programNotFound } from './errors';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `quiet`: what it writes to standard output goes to standard error. */
export async function runChecked(program: string, args: readonly string[], directory: string, quiet: boolean): Promise<Ending> {
  const file = findProgram(program);
  const env = { ...process.env, AFTERIMAGE_CHECK: directory, LD_PRELOAD: preload(checkLibrary(file)) };
  const child = spawn(file, args, { stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit'], env, argv0: program });
  // Ctrl-C goes to both of us: the program decides what becomes of it, and the report still comes.
  const ignore = () => undefined;
  const passOn = () => void child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', passOn);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  } catch (error) {
    throw notStarted(program, (error as Error).message);
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', passOn);
  }
}

const preload = (library: string): string => [library, process.env['LD_PRELOAD'] ?? ''].filter((name) => name !== '').join(':');

/** As a shell finds it. */
function findProgram(program: string): string {
  const directories = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(':').map((directory) => `${directory}/`);
  const found = directories.map((directory) => `${directory}${program}`).find(isExecutable);
  if (found === undefined) throw programNotFound(program);
  return path.resolve(found);
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Next to the libafterimage.so that the loader finds for this program. */
function checkLibrary(program: string): string {
  if (!BoundedFile.with(program, isDynamicProgram)) throw notAProgram(program);
  const recorder = /^\s*libafterimage\.so\S* => (\/.*) \(0x/m.exec(loadedBy(program))?.[1];
  if (recorder === undefined) throw notLinked(program);
  const library = path.join(path.dirname(fs.realpathSync(recorder)), 'libafterimage-check.so');
  if (!fs.existsSync(library)) throw noCheckLibrary(library);
  return library;
}

/** What ldd says. The loader answers; the program does not run. */
function loadedBy(program: string): string {
  try {
    return execFileSync(program, {
      env: { ...process.env, LD_TRACE_LOADED_OBJECTS: '1' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    throw notAProgram(program);
  }
}
