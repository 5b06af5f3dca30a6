// The address of one symbol in an ELF file, from .symtab, else from .dynsym. Tables are read in pieces and only as far as the
// file goes.

import { type BoundedFile } from '../recording';

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const SYMBOL_BYTES = 24;
const PIECE_BYTES = SYMBOL_BYTES * 4096;
const STRINGS_BYTES_MAX = 64 << 20;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly bytes: number;
  readonly link: number;
}

export function symbolAddress(file: BoundedFile, name: string): bigint | undefined {
  const sections = readSections(file);
  for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
    const table = sections.find((section) => section.type === type);
    const strings = table === undefined ? undefined : sections[table.link];
    if (table === undefined || strings === undefined) continue;
    const found = findSymbol(file, table, file.read(strings.offset, Math.min(strings.bytes, STRINGS_BYTES_MAX)), name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readSections(file: BoundedFile): Section[] {
  const head = file.read(0, 64);
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF') return [];
  const table = file.read(Number(head.readBigUInt64LE(40)), head.readUInt16LE(60) * 64);
  return Array.from({ length: Math.floor(table.length / 64) }, (_, i) => ({
    type: table.readUInt32LE(i * 64 + 4),
    offset: Number(table.readBigUInt64LE(i * 64 + 24)),
    bytes: Number(table.readBigUInt64LE(i * 64 + 32)),
    link: table.readUInt32LE(i * 64 + 40),
  }));
}

function findSymbol(file: BoundedFile, table: Section, strings: Buffer, name: string): bigint | undefined {
  const wanted = Buffer.from(`${name}\0`, 'latin1');
  const end = Math.min(table.offset + table.bytes, file.bytes);
  for (let at = table.offset; at < end; at += PIECE_BYTES) {
    const piece = file.read(at, Math.min(PIECE_BYTES, end - at));
    for (let i = 0; i + SYMBOL_BYTES <= piece.length; i += SYMBOL_BYTES) {
      const text = piece.readUInt32LE(i);
      if (text + wanted.length <= strings.length && strings.compare(wanted, 0, wanted.length, text, text + wanted.length) === 0) {
        return piece.readBigUInt64LE(i + 8);
      }
    }
  }
  return undefined;
}
