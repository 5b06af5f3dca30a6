// A core dump under gdb, for the recordings that cannot be replayed: what a process was when it ended, all its threads, and
// nothing that moves. The sibling of ReplaySession.
//
// Which file is which library is decided as it was for the executable, by build-id: gdb is shown a directory with links to
// the right ones only, and so never takes this machine's for the core's.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as mi from '../gdb/commands';
import { Gdb, isRefusal } from '../gdb/gdb';
import { packageRoot } from '../package-root';
import { type ImportFile, type Module, readSoname, type Recording } from '../recording';
import { cannotOpenCore, coreMissing, minidumpHasNoView } from './errors';
import { isThere } from './modules';

export interface CoreSessionOptions {
  readonly recording: Recording;
  readonly imported: ImportFile;
  /** From findProgram; without it there are addresses only. */
  readonly program: string | undefined;
  /** Path or name of the gdb to use. */
  readonly gdb: string;
}

const GDB_SCRIPTS = ['values.py', 'children.py', 'disassembly.py', 'event_types.py'];

export class CoreSession {
  private constructor(
    readonly gdb: Gdb,
    /** The one that received the signal first. */
    readonly threads: readonly mi.GdbThread[],
    private readonly libraries: string,
  ) {}

  static async open(options: CoreSessionOptions): Promise<CoreSession> {
    const core = corePath(options);
    const scripts = GDB_SCRIPTS.map((name) => path.join(packageRoot(), 'debug-adapter/gdb', name));
    const gdb = await Gdb.start({ gdb: options.gdb, scripts });
    const libraries = linksToLibraries(options.recording);
    try {
      await mi.takeLibrariesFrom(gdb, libraries);
      if (options.program !== undefined) await mi.loadProgram(gdb, options.program);
      await mi.openCore(gdb, core);
      return new CoreSession(gdb, await mi.threads(gdb), libraries);
    } catch (error) {
      await ended(gdb, libraries);
      throw isRefusal(error) ? cannotOpenCore(core, error.message) : error;
    }
  }

  close(): Promise<void> {
    return ended(this.gdb, this.libraries);
  }
}

function corePath({ recording, imported }: CoreSessionOptions): string {
  if (imported.core === null) throw minidumpHasNoView(imported.source.path);
  const core = path.resolve(recording.directory, imported.core);
  if (!fs.existsSync(core)) throw coreMissing(core, imported.source.path);
  return core;
}

/** In a directory of their own, under the names that the core knows. */
function linksToLibraries({ manifest }: Recording): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-libraries-'));
  for (const module of manifest.modules.filter(isLibraryHere)) {
    for (const name of [path.basename(module.path), path.basename(readSoname(module.path) ?? '')]) {
      const link = path.join(directory, name);
      if (name !== '' && !fs.existsSync(link)) fs.symlinkSync(module.path, link);
    }
  }
  return directory;
}

/** A core without the modules' first pages knows no builds; then the path has to do. */
function isLibraryHere(module: Module): boolean {
  if (module.kind !== 'lib' && module.kind !== 'interp') return false;
  return isThere(module) || (module.buildId === '' && fs.existsSync(module.path));
}

async function ended(gdb: Gdb, libraries: string): Promise<void> {
  await gdb.close();
  fs.rmSync(libraries, { recursive: true, force: true });
}
