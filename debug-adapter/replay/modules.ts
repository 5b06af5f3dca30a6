// Where the recorded modules are on this machine, known by their build-ids: where they were, if that is still the same build; where a path
// map or a sysroot says; among those that a packed recording brought along (modules/<build-id>/, FORMAT.md §9); or in a store of builds.
//
// The dynamic linker and gdb ask for names. If something is not where it was, they are shown a directory of links, in the user's
// cache; its path stays the same from one replayer of the recording to the next, as gdb expects.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { debugFileLink, userCache } from '../gdb/debug-files';
import { type Module, readBuildId, readSoname, type Recording, UserError } from '../recording';
import { storedDebugFile } from './build-id-store';
import { LocalFiles } from './local-files';

const modulesOf = (recording: Recording) => `${recording.directory}/modules`;
const linksOf = (recording: Recording) => path.join(userCache(), 'afterimage/libraries', recording.manifest.uuid);

const isLibrary = ({ kind }: Module): boolean => kind === 'lib' || kind === 'interp';

/** The file that came with the recording. */
export function packedModule(recording: Recording, module: Module): string | undefined {
  if (module.buildId === '') return undefined;
  const directory = `${modulesOf(recording)}/${module.buildId}`;
  const name = fs.existsSync(directory) ? fs.readdirSync(directory)[0] : undefined;
  return name === undefined ? undefined : path.join(directory, name);
}

/** The file here that is the recorded build, if there is one. */
export function modulePath(recording: Recording, module: Module): string {
  return isThere(module) ? module.path : (packedModule(recording, module) ?? foundElsewhere(recording, module) ?? module.path);
}

/** The same for the plan: what librariesElsewhere() has linked goes by a name that gdb finds again. */
export function plannedPath(recording: Recording, module: Module): string {
  const file = modulePath(recording, module);
  const isLinked = module.kind === 'lib' && file !== module.path && file !== packedModule(recording, module);
  return isLinked ? path.join(linksOf(recording), path.basename(module.path)) : file;
}

/** Not where it was, and not in the bundle. */
function foundElsewhere(recording: Recording, module: Module): string | undefined {
  if (module.buildId === '' || isThere(module)) return undefined;
  return new LocalFiles({ ...recording.places, beside: path.dirname(recording.directory) }).find(module);
}

/** Where the dynamic linker and gdb find libraries that are not where they were; `undefined` when all are, or none can be found. */
export function librariesElsewhere(recording: Recording): string | undefined {
  const libraries = recording.manifest.modules.filter(isLibrary);
  if (libraries.every(isThere)) return undefined;
  const brought = libraries.filter(
    (module) => packedModule(recording, module) === undefined && foundElsewhere(recording, module) !== undefined,
  );
  if (brought.length > 0) return linkLibraries(recording, libraries);
  const packed = `${modulesOf(recording)}/lib`;
  return fs.existsSync(packed) ? packed : undefined;
}

/** All of them: gdb does not look elsewhere then. */
function linkLibraries(recording: Recording, libraries: readonly Module[]): string {
  const directory = linksOf(recording);
  for (const module of libraries) {
    const file = modulePath(recording, module);
    if (!fs.existsSync(file)) continue;
    for (const name of new Set([path.basename(module.path), path.basename(readSoname(file) ?? module.path)]))
      link(file, `${directory}/${name}`);
  }
  return directory;
}

function link(file: string, name: string): void {
  const target = path.resolve(file);
  fs.mkdirSync(path.dirname(name), { recursive: true, mode: 0o700 });
  if (fs.lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() === true && fs.readlinkSync(name) === target) return;
  const prepared = `${name}.${process.pid}`; // another process may want the same one
  fs.symlinkSync(target, prepared);
  fs.renameSync(prepared, name);
}

/** Lets gdb find separate debug information that came with the recording, or that a store has. */
export function linkDebugFiles(recording: Recording): void {
  for (const { buildId } of recording.manifest.modules) {
    const file = packedDebugFile(recording, buildId) ?? storedDebugFile(buildId);
    if (file !== undefined) link(file, debugFileLink(buildId));
  }
}

function packedDebugFile(recording: Recording, buildId: string): string | undefined {
  const file = `${modulesOf(recording)}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  return buildId !== '' && fs.existsSync(file) ? file : undefined;
}

/** In the build that was recorded. */
export function isThere(module: Module): boolean {
  try {
    return module.kind === 'vdso' || (fs.existsSync(module.path) && readBuildId(module.path) === module.buildId);
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
