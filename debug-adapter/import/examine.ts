// What a core holds, before anything is written: which program, how it ended, which recording, and what is missing.

import * as path from 'node:path';
import { grouped, hasFaultAddress, signalMeaning, signalName } from '../recording';
import { ElfCore, type Load } from './core';
import { type CoreBlock } from './core-block';
import { isASnapshot } from './errors';
import { LocalFiles, type LocalFilesOptions } from '../replay/local-files';
import { isRecorder, type Located, locateBlock } from './locate';
import { type CoreModule, executableIn, readModules } from './modules';

export interface Examination {
  readonly core: ElfCore;
  readonly modules: readonly CoreModule[];
  readonly executable: CoreModule | undefined;
  /** The executable on this machine. */
  readonly program: string | undefined;
  readonly files: LocalFiles;
  readonly located: Located | undefined;
  /** The library of the recorder is among the modules. */
  readonly wasRecorded: boolean;
  /** What is missing in the core, and why. */
  readonly gaps: readonly string[];
}

/** Throws UserError for what is no core. The examination's core is open; close it. */
export function examineCore(file: string, options: LocalFilesOptions): Examination {
  const core = ElfCore.open(file);
  try {
    return examine(core, options);
  } catch (error) {
    core.close();
    throw error;
  }
}

function examine(core: ElfCore, options: LocalFilesOptions): Examination {
  if (core.notes.isSnapshot) throw isASnapshot(core.path);
  const files = new LocalFiles(options);
  const modules = readModules(core);
  const located = locateBlock(core, modules, (module) => files.find(module));
  const executable = namedExecutable(executableIn(modules), located?.block);
  const program = executable === undefined ? options.exe : files.find(executable);
  const wasRecorded = located !== undefined || modules.some(isRecorder) || core.files.some((f) => isControlFile(f.path));
  const gaps = [...core.notes.problems, ...gapsInMemory(core, modules), ...gapsInProgram(executable, program)];
  return { core, modules, executable, program, files, located, wasRecorded, gaps: [...new Set(gaps)] };
}

/** A core without the executable's first page does not know its build; the recorder's block does. */
function namedExecutable(executable: CoreModule | undefined, block: CoreBlock | undefined): CoreModule | undefined {
  if (executable === undefined || executable.buildId !== '' || block === undefined) return executable;
  return { ...executable, buildId: block.buildId };
}

/** The files of a recording are mapped, and so their paths are in the core, even when the recorder's block is not. */
export const isControlFile = (file: string): boolean => /\.afterimage\/control$/.test(file.replace(/ \(deleted\)$/, ''));

function gapsInMemory(core: ElfCore, modules: readonly CoreModule[]): string[] {
  const present = core.loads.some((load) => load.writable && core.presentBytes(load) > 0);
  const mapped = modules.filter((module) => module.kind !== 'vdso'); // the kernel's own pages are dumped in any case
  const gaps: string[] = [];
  if (core.missingBytes > 0) {
    gaps.push(`The core is cut off: it has ${grouped(core.bytes)} of ${grouped(core.expectedBytes)} bytes. Memory behind that is missing.`);
  } else if (!present) {
    gaps.push(
      'The core holds no memory (coredump_filter was 0, or nothing could be written): only threads, registers and signal are known.',
    );
  } else if (mapped.length > 0 && mapped.every((module) => module.buildId === '')) {
    gaps.push('The first pages of the modules are not in the core (coredump_filter without bit 4): builds cannot be compared.');
  }
  if (core.threads.length === 0) gaps.push('The core names no threads: registers and stacks are unknown.');
  return gaps;
}

function gapsInProgram(executable: CoreModule | undefined, program: string | undefined): string[] {
  if (executable === undefined)
    return program === undefined ? ['The core does not say which executable it is of. Give it with --exe.'] : [];
  if (program !== undefined) return [];
  const build = executable.buildId === '' ? '' : ` (build ${executable.buildId.slice(0, 12)})`;
  return [
    `The executable ${executable.path}${build} is not here. Give it with --exe, or say where its files are with --sysroot or --path-map.`,
  ];
}

/** How the process ended, in a sentence. */
export function endOf({ core, executable }: Examination): string {
  const name = path.basename(executable?.path ?? (core.notes.command.split(' ')[0] || 'The program'));
  const { signal } = core;
  if (signal === undefined || signal.number === 0 || signal.number === 19) return `${name} was still running when the core was taken.`;
  const meaning = signalMeaning(signal.number, signal.code);
  const where = hasFaultAddress(signal.number, signal.code) ? ` at address 0x${signal.address.toString(16)}` : '';
  return `${name} ended with ${signalName(signal.number)}${meaning === undefined ? '' : ` (${meaning})`}${where}.`;
}

/** The loads of a core inside a range: offsets of whole pages that are there. */
export function loadsWithin(core: ElfCore, base: bigint, bytes: bigint): (Load & { readonly present: number })[] {
  return core.loads
    .filter((load) => load.address >= base && load.address + load.memoryBytes <= base + bytes)
    .map((load) => ({ ...load, present: Math.floor(core.presentBytes(load) / 4096) * 4096 }))
    .filter((load) => load.fileBytes > 0);
}
