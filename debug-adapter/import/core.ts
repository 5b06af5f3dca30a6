// A core file, read lazily: headers and notes at once, memory when it is asked for. Cores are large, cut off, sparse and
// sometimes corrupt; so every size is a claim until the file confirms it, and memory that is not there is never read as zero.

import { BoundedFile } from '../recording';
import { emptyNotes, readNotes, type CoreNotes, type MappedFile, type Signal, type Thread } from './core-notes';
import { cutOffBeforeNotes, notACore, otherMachineCore } from './errors';

export interface Load {
  readonly address: bigint;
  readonly memoryBytes: bigint;
  readonly offset: number;
  /** As the header says; the file may end earlier. */
  readonly fileBytes: number;
  readonly writable: boolean;
}

const ET_CORE = 4;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PN_XNUM = 0xffff;
const HEADER_BYTES = 56;
const HEADERS_MAX = 1 << 20;
const HEADERS_AT_ONCE = 1024;
const SCAN_BYTES = 4 << 20;
/** The scan is the last resort, and what it looks for is small: it must not read a whole heap. */
const SCANNED_LOAD_BYTES_MAX = 64 << 20;
const SCANNED_BYTES_MAX = 256 << 20;

export class ElfCore {
  readonly loads: Load[] = [];
  readonly notes: CoreNotes = emptyNotes();
  /** Bytes that the headers promise, but the file does not have. */
  missingBytes = 0;
  /** Where the file should end. */
  expectedBytes = 0;

  private constructor(
    private readonly file: BoundedFile,
    readonly path: string,
  ) {
    this.readHeaders();
    this.loads.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  /** Throws UserError when the file is not a core of this kind of machine. */
  static open(path: string): ElfCore {
    const file = BoundedFile.open(path);
    try {
      return new ElfCore(file, path);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get bytes(): number {
    return this.file.bytes;
  }

  get threads(): readonly Thread[] {
    return this.notes.threads;
  }

  get files(): readonly MappedFile[] {
    return this.notes.files;
  }

  get signal(): Signal | undefined {
    return this.notes.signal;
  }

  close(): void {
    this.file.close();
  }

  /** Memory as far as the core has it: fewer bytes than asked for mean "not dumped" or "cut off". */
  read(address: bigint, bytes: number): Buffer {
    const parts: Buffer[] = [];
    for (let at = address, left = bytes; left > 0;) {
      const part = this.readFromOne(at, left);
      if (part.length === 0) break;
      parts.push(part);
      at += BigInt(part.length);
      left -= part.length;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /** The part of a load that the file has, in bytes. */
  presentBytes(load: Load): number {
    return Math.max(0, Math.min(load.fileBytes, this.file.bytes - load.offset));
  }

  /** The first place of `magic`, at a multiple of 16, in writable memory; small ranges first. */
  find(magic: Buffer): bigint | undefined {
    const isRange = (load: Load) => load.writable && load.fileBytes <= SCANNED_LOAD_BYTES_MAX && this.presentBytes(load) > 0;
    let left = SCANNED_BYTES_MAX;
    for (const load of this.loads.filter(isRange).sort((a, b) => a.fileBytes - b.fileBytes)) {
      const found = this.findIn(load, magic);
      left -= this.presentBytes(load);
      if (found !== undefined || left < 0) return found;
    }
    return undefined;
  }

  private findIn(load: Load, magic: Buffer): bigint | undefined {
    const bytes = this.presentBytes(load);
    const buffer = Buffer.allocUnsafe(Math.min(SCAN_BYTES, bytes));
    for (let at = 0; at < bytes; at += SCAN_BYTES - magic.length) {
      const chunk = buffer.subarray(0, this.file.readInto(buffer, 0, load.offset + at, Math.min(SCAN_BYTES, bytes - at)));
      for (let i = chunk.indexOf(magic); i >= 0; i = chunk.indexOf(magic, i + 1)) {
        const address = load.address + BigInt(at + i);
        if (address % 16n === 0n) return address;
      }
      if (chunk.length < SCAN_BYTES) break;
    }
    return undefined;
  }

  private readFromOne(address: bigint, bytes: number): Buffer {
    const load = this.loadAt(address);
    if (load === undefined) return Buffer.alloc(0);
    const skipped = Number(address - load.address);
    return this.file.read(load.offset + skipped, Math.max(0, Math.min(bytes, this.presentBytes(load) - skipped)));
  }

  private loadAt(address: bigint): Load | undefined {
    let low = 0;
    let high = this.loads.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.loads[middle] as Load).address <= address) low = middle + 1;
      else high = middle;
    }
    const load = this.loads[low - 1];
    return load !== undefined && address < load.address + load.memoryBytes ? load : undefined;
  }

  private readHeaders(): void {
    const head = this.file.read(0, 64);
    checkHead(head, this.path);
    const first = Number(head.readBigUInt64LE(32));
    const count = Math.min(this.headerCount(head), HEADERS_MAX);
    let read = 0;
    for (; read < count; read += HEADERS_AT_ONCE) {
      const wanted = Math.min(HEADERS_AT_ONCE, count - read) * HEADER_BYTES;
      const table = this.file.read(first + read * HEADER_BYTES, wanted);
      for (let at = 0; at + HEADER_BYTES <= table.length; at += HEADER_BYTES) this.readHeader(table, at);
      if (table.length < wanted) throw cutOffBeforeNotes(this.path, this.file.bytes);
    }
  }

  private readHeader(table: Buffer, at: number): void {
    const type = table.readUInt32LE(at);
    const offset = Number(table.readBigUInt64LE(at + 8));
    const fileBytes = Number(table.readBigUInt64LE(at + 32));
    if (type === PT_NOTE) readNotes(this.file, offset, fileBytes, this.notes);
    if (type !== PT_NOTE && type !== PT_LOAD) return;
    this.expectedBytes = Math.max(this.expectedBytes, offset + fileBytes);
    this.missingBytes += Math.max(0, Math.min(fileBytes, offset + fileBytes - this.file.bytes));
    if (type !== PT_LOAD) return;
    const memoryBytes = table.readBigUInt64LE(at + 40);
    const writable = (table.readUInt32LE(at + 4) & 2) !== 0;
    this.loads.push({ address: table.readBigUInt64LE(at + 16), memoryBytes, offset, fileBytes, writable });
  }

  /** More than 65,534 headers are counted in section 0. */
  private headerCount(head: Buffer): number {
    const count = head.readUInt16LE(56);
    const sections = Number(head.readBigUInt64LE(40));
    if (count !== PN_XNUM || sections === 0) return count;
    const section = this.file.read(sections, 64);
    return section.length < 64 ? count : section.readUInt32LE(44);
  }
}

export const looksLikeElf = (head: Buffer): boolean => head.toString('latin1', 0, 4) === '\x7fELF';

function checkHead(head: Buffer, path: string): void {
  if (!looksLikeElf(head)) throw notACore(path, head.length === 0 ? 'it is empty' : 'it is not an ELF file');
  if (head.length < 64) throw cutOffBeforeNotes(path, head.length);
  if (head[4] !== 2 || head[5] !== 1 || head.readUInt16LE(18) !== EM_X86_64) throw otherMachineCore(path);
  const type = head.readUInt16LE(16);
  if (type !== ET_CORE) throw notACore(path, `it is an ELF file of type ${type}: a program or a library`);
}
