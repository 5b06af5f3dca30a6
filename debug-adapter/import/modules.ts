// The modules of a core, and which builds they are: from the ELF headers in the core itself (coredump_filter bit 4), never from
// the paths, which are those of another machine or container.

import { type Manifest, type Note, parseNotes } from '../recording';
import { type ElfCore } from './core';

export type Module = Manifest['modules'][number];

/** A module with what only its pages in the core tell. */
export interface CoreModule extends Module {
  readonly notes: readonly (Note & { readonly address: bigint })[];
}

const PT_NOTE = 4;
const NT_GNU_BUILD_ID = 3;
const NOTE_BYTES_MAX = 64 << 10;
const AT_PHDR = 3;
const AT_BASE = 7;
const AT_ENTRY = 9;
const AT_SYSINFO_EHDR = 33;
const MODULES_MAX = 16_384;

export function readModules(core: ElfCore): CoreModule[] {
  const extents = new Map<string, { base: bigint; end: bigint }>();
  for (const { path, start, end, fileOffset } of core.files) {
    const known = extents.get(path);
    if (known === undefined && fileOffset === 0n && extents.size < MODULES_MAX) extents.set(path, { base: start, end });
    else if (known !== undefined && end > known.end) known.end = end;
  }
  const modules = [...extents].map(([path, { base, end }]) => readModule(core, path, base, end));
  const vdso = core.notes.auxiliary.get(AT_SYSINFO_EHDR);
  if (vdso !== undefined && vdso !== 0n) modules.push(readModule(core, '[vdso]', vdso, vdso + 0x2000n));
  const order = { exe: 0, interp: 1, lib: 2, vdso: 3 };
  return modules.filter((m) => isModule(m)).sort((a, b) => order[a.kind] - order[b.kind]);
}

/** The executable, if the core says which one it is. */
export const executableIn = (modules: readonly CoreModule[]): CoreModule | undefined => modules.find((m) => m.kind === 'exe');

/** A mapped data file is none: it has no ELF header. A library whose header was not dumped cannot be told from one, but by its name. */
const isModule = (module: CoreModule & { hasHeader?: boolean }): boolean =>
  module.kind !== 'lib' || module.hasHeader === true || /\.so(\.|$)/.test(module.path);

function readModule(core: ElfCore, path: string, base: bigint, end: bigint): CoreModule & { hasHeader: boolean } {
  const head = core.read(base, 4096);
  const hasHeader = head.length >= 64 && head.toString('latin1', 0, 4) === '\x7fELF';
  const notes = hasHeader ? readElfNotes(core, head, base) : [];
  const buildId = notes.find((note) => note.name === 'GNU' && note.type === NT_GNU_BUILD_ID)?.desc.toString('hex') ?? '';
  return { kind: kindOf(core, path, base, end), base, bytes: Number(end - base), buildId, path, notes, hasHeader };
}

function kindOf(core: ElfCore, path: string, base: bigint, end: bigint): Module['kind'] {
  const { auxiliary } = core.notes;
  const within = (address: bigint | undefined) => address !== undefined && address >= base && address < end;
  if (path === '[vdso]') return 'vdso';
  if (within(auxiliary.get(AT_ENTRY)) || within(auxiliary.get(AT_PHDR))) return 'exe';
  return auxiliary.get(AT_BASE) === base ? 'interp' : 'lib';
}

function readElfNotes(core: ElfCore, head: Buffer, base: bigint): (Note & { address: bigint })[] {
  const first = Number(head.readBigUInt64LE(32));
  const headers = Array.from({ length: head.readUInt16LE(56) }, (_, i) => first + i * 56).filter((at) => at + 56 <= head.length);
  const linkBase = linkBaseOf(head, headers);
  return headers
    .filter((at) => head.readUInt32LE(at) === PT_NOTE)
    .flatMap((at) => {
      const address = base + head.readBigUInt64LE(at + 16) - linkBase;
      const bytes = core.read(address, Math.min(Number(head.readBigUInt64LE(at + 32)), NOTE_BYTES_MAX));
      return parseNotes(bytes).map((note) => ({ ...note, address: address + BigInt(note.desc.byteOffset - bytes.byteOffset) }));
    });
}

/** Where the module was linked to: 0, but for executables that cannot move. */
function linkBaseOf(head: Buffer, headers: readonly number[]): bigint {
  const loads = headers.filter((at) => head.readUInt32LE(at) === 1).map((at) => head.readBigUInt64LE(at + 16) & ~0xfffn);
  return loads.reduce<bigint | undefined>((lowest, at) => (lowest === undefined || at < lowest ? at : lowest), undefined) ?? 0n;
}
