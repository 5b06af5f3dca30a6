// The executable that made a recording, known by its build-id. Its path may have changed: it is looked for where it was,
// in the recording (a packed one may have brought it), beside it, where the user stands, where a path map or a sysroot leads, and in the stores
// of builds. One that was given must be the right one.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Module, readBuildId, type Recording } from '../recording';
import { storedModules, storeNames } from './build-id-store';
import { LocalFiles } from './local-files';
import { linkDebugFiles, packedModule } from './modules';
import { noExecutableRecorded, noSuchProgram, notAnExecutable, otherBuild, programMissing } from './errors';

/** The path of the executable, whose debug information gdb finds from then on. Throws UserError when it is not found, or is another build. */
export function findProgram(recording: Recording, given?: string): string {
  linkDebugFiles(recording);
  const recorded = executableOf(recording);
  if (given !== undefined) return checked(path.resolve(given), recorded);
  const found = candidates(recording, recorded).find((candidate) => matches(candidate, recorded.buildId));
  if (found !== undefined) return found;
  if (isFile(recorded.path)) return checked(recorded.path, recorded); // there, but rebuilt: say so
  throw programMissing(recorded.path, recorded.buildId, storeNames());
}

export function executableOf(recording: Recording): Module {
  const module = recording.manifest.modules.find((m) => m.kind === 'exe');
  if (module === undefined) throw noExecutableRecorded();
  return module;
}

function candidates(recording: Recording, recorded: Module): string[] {
  const name = path.basename(recorded.path);
  const beside = path.dirname(recording.directory);
  const directories = [recording.directory, beside, path.dirname(beside), process.cwd()];
  const elsewhere = directories.flatMap((directory) => [`${directory}/${name}`, `${directory}/bin/${name}`]);
  const brought = packedModule(recording, recorded);
  const mapped = new LocalFiles({ ...recording.places, beside }).candidates(recorded.path);
  const known = [...mapped, recording.manifest.executable, ...(brought === undefined ? [] : [brought])];
  return [...known, ...elsewhere, ...storedModules(recorded.buildId)];
}

function matches(candidate: string, buildId: string): boolean {
  return buildId !== '' && isFile(candidate) && readable(candidate) && readBuildId(candidate) === buildId;
}

function checked(program: string, recorded: Module): string {
  if (!isFile(program)) throw noSuchProgram(program);
  const buildId = readBuildId(program);
  if (buildId === null) throw notAnExecutable(program);
  if (recorded.buildId !== '' && buildId !== recorded.buildId) throw otherBuild(program, buildId ?? '', recorded.buildId);
  return program;
}

const isFile = (candidate: string) => fs.statSync(candidate, { throwIfNoEntry: false })?.isFile() ?? false;

function readable(candidate: string): boolean {
  try {
    fs.accessSync(candidate, fs.constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
