// The files that a replay elsewhere needs: executable, libraries, dynamic linker, and separate debug information, each known by
// its build-id.

import * as path from 'node:path';
import { type Module, readBuildId, type Recording, UserError } from '../recording';
import { storedDebugFile } from '../replay/build-id-store';
import { modulePath } from '../replay/modules';
import { MODULES_FOLDER } from './layout';

export interface PackedModule {
  readonly name: string;
  readonly file: string;
}

export interface ModuleList {
  readonly modules: readonly PackedModule[];
  /** Of those that are not there any more, in sentences. */
  readonly problems: readonly string[];
}

/** `program` is the executable on this machine. */
export function modulesOf(recording: Recording, program: string): ModuleList {
  const wanted = recording.manifest.modules.filter((module) => module.kind !== 'vdso');
  const problems: string[] = [];
  const modules = new Map<string, PackedModule>();
  for (const module of wanted) {
    const file = module.kind === 'exe' ? program : modulePath(recording, module);
    const problem = whyNot(module, file);
    if (problem !== undefined) problems.push(problem);
    else for (const found of withDebugFile(module, file)) modules.set(found.name, found);
  }
  return { modules: [...modules.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

function whyNot(module: Module, file: string): string | undefined {
  if (module.buildId === '') return `${module.path} has no build-id and is left out.`;
  try {
    return readBuildId(file) === module.buildId ? undefined : `${file} is another build than the recorded one and is left out.`;
  } catch (error) {
    if (error instanceof UserError) return `${file} cannot be read and is left out.`;
    throw error;
  }
}

function withDebugFile({ buildId }: Module, file: string): PackedModule[] {
  const name = `${MODULES_FOLDER}/${buildId}/${path.basename(file).replace(/[^\w.+@~,=:-]/g, '_')}`;
  const debug = storedDebugFile(buildId);
  const separate = `${MODULES_FOLDER}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  return [{ name, file }, ...(debug === undefined ? [] : [{ name: separate, file: debug }])];
}
