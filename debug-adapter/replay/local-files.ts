// The files of another machine on this one. A core or a recording names the paths of the machine or container it comes from; which file is
// meant here is decided by the build-id alone, whatever its path.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type FilePlaces, type Module, readBuildId } from '../recording';
import { storedModules } from './build-id-store';
import { noSuchFile, notAPathMap, otherBuild } from './errors';

export interface LocalFilesOptions extends FilePlaces {
  readonly exe?: string;
  /** Where the core or recording is: programs are often beside it. */
  readonly beside: string;
}

const LIBRARY_DIRECTORIES = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64', '/usr/lib', '/usr/local/lib'];

export class LocalFiles {
  private readonly maps: readonly (readonly [from: string, to: string])[];

  constructor(private readonly options: LocalFilesOptions) {
    this.maps = (options.pathMap ?? []).map(parsePathMap);
    if (options.exe !== undefined && !isFile(options.exe)) throw noSuchFile('--exe', options.exe);
    if (options.sysroot !== undefined && !fs.existsSync(options.sysroot)) throw noSuchFile('--sysroot', options.sysroot);
  }

  /** Where a path of the other machine may be here, the likeliest first. */
  candidates(there: string): string[] {
    const { sysroot } = this.options;
    const mapped = this.maps.filter(([from]) => isWithin(there, from)).map(([from, to]) => to + there.slice(from.length));
    return [...mapped, ...(sysroot === undefined ? [] : [path.join(sysroot, there)]), there];
  }

  /** The file that is this module; one of another build is not. Without a build-id only a path can decide. */
  find(module: Module): string | undefined {
    if (module.kind === 'vdso') return undefined;
    if (module.kind === 'exe' && this.options.exe !== undefined) return this.given(module, this.options.exe);
    const known = module.path.replace(/ \(deleted\)$/, '');
    const beside = [this.options.beside, process.cwd()].map((directory) => path.join(directory, path.basename(known)));
    const candidates = [...this.candidates(known), ...(module.kind === 'exe' ? beside : this.libraryCandidates(known))];
    if (module.buildId === '') return this.candidates(known).find(isFile);
    return [...candidates, ...storedModules(module.buildId)].find(
      (candidate) => isFile(candidate) && buildIdOf(candidate) === module.buildId,
    );
  }

  /** A minidump knows a library by its name alone. */
  private libraryCandidates(name: string): string[] {
    if (name.includes('/')) return [];
    return LIBRARY_DIRECTORIES.flatMap((directory) => this.candidates(path.join(directory, name)));
  }

  private given(module: Module, file: string): string {
    const buildId = buildIdOf(file);
    if (module.buildId !== '' && buildId !== module.buildId) throw otherBuild(file, buildId ?? '', module.buildId);
    return path.resolve(file);
  }
}

/** `undefined` also for what cannot be read: then it is not the file that is looked for. */
export function buildIdOf(file: string): string | undefined {
  try {
    return readBuildId(file) ?? undefined;
  } catch {
    return undefined;
  }
}

function parsePathMap(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw notAPathMap(text);
  return [text.slice(0, at).replace(/\/+$/, ''), text.slice(at + 1).replace(/\/+$/, '')];
}

const isWithin = (file: string, directory: string) => file === directory || file.startsWith(`${directory}/`);

export function isFile(candidate: string): boolean {
  try {
    return fs.statSync(candidate).isFile();
  } catch {
    return false;
  }
}
