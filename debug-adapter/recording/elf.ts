// ELF64 little-endian: just the headers, program headers and notes. Of executables and libraries it reads the build-id; of
// snapshots the load table. Offsets and sizes are claims: whatever lies beyond the file is cut off, never allocated.

import { BoundedFile } from './bounded-file';
import { type Content } from './zstd-frames';

export const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
export const PT_NOTE = 4;
export const ET_CORE = 4;
const EM_X86_64 = 62;
const PN_XNUM = 0xffff;
const PHDR_BYTES = 56;
const NT_GNU_BUILD_ID = 3;
const NOTE_BYTES_MAX = 64 << 20;
const DYNAMIC_BYTES_MAX = 1 << 20;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const NAME_BYTES_MAX = 4096;

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

export interface Note {
  readonly name: string;
  readonly type: number;
  readonly desc: Buffer;
}

export interface Elf {
  readonly type: number;
  readonly headers: readonly ProgramHeader[];
  readonly notes: readonly Note[];
  /** The program headers themselves run past the end of the file. */
  readonly headersCutOff: boolean;
}

/** `undefined` when the file is not an ELF file for this machine. */
export function readElf(file: Content): Elf | undefined {
  const head = file.read(0, 64);
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF' || head[4] !== 2 || head[5] !== 1) return undefined;
  if (head.readUInt16LE(18) !== EM_X86_64) return undefined;
  const count = headerCount(file, head);
  const table = file.read(Number(head.readBigUInt64LE(32)), count * PHDR_BYTES);
  const headers = Array.from({ length: Math.floor(table.length / PHDR_BYTES) }, (_, i) => programHeader(table, i * PHDR_BYTES));
  const notes = headers
    .filter((h) => h.type === PT_NOTE)
    .flatMap((h) => parseNotes(file.read(h.offset, Math.min(h.fileBytes, NOTE_BYTES_MAX))));
  return { type: head.readUInt16LE(16), headers, notes, headersCutOff: table.length < count * PHDR_BYTES };
}

/** Whether the loader starts it: then it can be asked for its libraries, and another one be put in front of them. */
export const isDynamicProgram = (file: BoundedFile): boolean => readElf(file)?.headers.some((h) => h.type === PT_INTERP) ?? false;

/** The build-id in hexadecimal; `undefined` for an ELF file without one, `null` for what is not an ELF file. */
export function readBuildId(path: string): string | undefined | null {
  const elf = BoundedFile.with(path, readElf);
  if (elf === undefined) return null;
  return elf.notes.find((note) => note.name === 'GNU' && note.type === NT_GNU_BUILD_ID)?.desc.toString('hex');
}

/** What places a module in memory. */
export interface ElfImage {
  /** The lowest address that it was linked to: 0, but for executables that cannot move. */
  readonly base: bigint;
  readonly entry: bigint;
  readonly headersOffset: number;
  readonly headerCount: number;
  readonly dynamic: { readonly address: bigint; readonly bytes: Buffer } | undefined;
}

/** `undefined` for what is not an ELF file for this machine. */
export function readImage(path: string): ElfImage | undefined {
  return BoundedFile.with(path, (file) => {
    const headers = readElf(file)?.headers;
    if (headers === undefined) return undefined;
    const head = file.read(0, 64);
    const loads = headers.filter((h) => h.type === PT_LOAD).map((h) => h.address & ~0xfffn);
    const dynamic = headers.find((h) => h.type === PT_DYNAMIC);
    return {
      base: loads.reduce((lowest, at) => (at < lowest ? at : lowest), loads[0] ?? 0n),
      entry: head.readBigUInt64LE(24),
      headersOffset: Number(head.readBigUInt64LE(32)),
      headerCount: headers.length,
      dynamic: dynamic && { address: dynamic.address, bytes: file.read(dynamic.offset, Math.min(dynamic.fileBytes, DYNAMIC_BYTES_MAX)) },
    };
  });
}

/** The name by which a library is asked for (DT_SONAME). */
export function readSoname(path: string): string | undefined {
  return BoundedFile.with(path, (file) => {
    const headers = readElf(file)?.headers ?? [];
    const dynamic = headers.find((h) => h.type === PT_DYNAMIC);
    if (dynamic === undefined) return undefined;
    const entries = file.read(dynamic.offset, Math.min(dynamic.fileBytes, DYNAMIC_BYTES_MAX));
    const [names, name] = [dynamicEntry(entries, DT_STRTAB), dynamicEntry(entries, DT_SONAME)];
    if (names === undefined || name === undefined) return undefined;
    const at = names + name;
    const load = headers.find((h) => h.type === PT_LOAD && at >= h.address && at < h.address + BigInt(h.fileBytes));
    return load && textAt(file, load.offset + Number(at - load.address));
  });
}

function dynamicEntry(entries: Buffer, tag: number): bigint | undefined {
  for (let at = 0; at + 16 <= entries.length; at += 16) {
    if (entries.readBigUInt64LE(at) === BigInt(tag)) return entries.readBigUInt64LE(at + 8);
  }
  return undefined;
}

function textAt(file: BoundedFile, offset: number): string {
  const bytes = file.read(offset, NAME_BYTES_MAX);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** More than 65,534 headers are counted in section 0. */
function headerCount(file: Content, head: Buffer): number {
  const count = head.readUInt16LE(56);
  const sections = Number(head.readBigUInt64LE(40));
  if (count !== PN_XNUM || sections === 0) return count;
  const section = file.read(sections, 64);
  return section.length < 64 ? count : section.readUInt32LE(44);
}

const programHeader = (table: Buffer, at: number): ProgramHeader => ({
  type: table.readUInt32LE(at),
  flags: table.readUInt32LE(at + 4),
  offset: Number(table.readBigUInt64LE(at + 8)),
  address: table.readBigUInt64LE(at + 16),
  fileBytes: Number(table.readBigUInt64LE(at + 32)),
  memoryBytes: Number(table.readBigUInt64LE(at + 40)),
});

export function parseNotes(bytes: Buffer): Note[] {
  const notes: Note[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const nameBytes = bytes.readUInt32LE(at);
    const descBytes = bytes.readUInt32LE(at + 4);
    const desc = at + 12 + align4(nameBytes);
    if (desc + descBytes > bytes.length) break;
    const name = bytes.toString('latin1', at + 12, at + 12 + Math.max(0, nameBytes - 1));
    notes.push({ name, type: bytes.readUInt32LE(at + 8), desc: bytes.subarray(desc, desc + descBytes) });
    at = desc + align4(descBytes);
  }
  return notes;
}

const align4 = (n: number) => Math.ceil(n / 4) * 4;
