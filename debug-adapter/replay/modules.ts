// Where the recorded modules are: where they were, if that is still the same build; else among those that a packed recording
// brought along (modules/<build-id>/, FORMAT.md §9).

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Module, readBuildId, type Recording, UserError } from '../recording';

const modulesOf = (recording: Recording) => `${recording.directory}/modules`;

/** The file that came with the recording. */
export function packedModule(recording: Recording, module: Module): string | undefined {
  if (module.buildId === '') return undefined;
  const directory = `${modulesOf(recording)}/${module.buildId}`;
  const name = fs.existsSync(directory) ? fs.readdirSync(directory)[0] : undefined;
  return name === undefined ? undefined : path.join(directory, name);
}

export function modulePath(recording: Recording, module: Module): string {
  return isThere(module) ? module.path : (packedModule(recording, module) ?? module.path);
}

/** Where the dynamic linker finds libraries that came with the recording; `undefined` when this machine has them all. */
export function packedLibraries(recording: Recording): string | undefined {
  const directory = `${modulesOf(recording)}/lib`;
  const libraries = recording.manifest.modules.filter((module) => module.kind === 'lib' || module.kind === 'interp');
  return fs.existsSync(directory) && !libraries.every(isThere) ? directory : undefined;
}

/** Where gdb finds separate debug information that came with the recording. */
export function packedDebugFiles(recording: Recording): string | undefined {
  return fs.existsSync(`${modulesOf(recording)}/.build-id`) ? modulesOf(recording) : undefined;
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
