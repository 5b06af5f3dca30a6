// Minidumps of Breakpad and Crashpad: header, a directory of streams, and what they say of threads, memory, modules and the crash.
// They hold stacks, not the heap. (Format: minidumpapiset.h; offsets are 32 bits, but for the list of a full dump's memory.)

import { BoundedFile, type Module } from '../recording';
import { type ThreadToWrite } from './core-writer';
import { damagedMinidump } from './errors';
import { type Context, CONTEXT_BYTES, readContext } from './minidump-context';

export const MINIDUMP_MAGIC = 'MDMP';
const HEADER_BYTES = 32;
const STREAMS_MAX = 1024;
const ITEMS_MAX = 65_536;
const Stream = {
  Threads: 3, Modules: 4, Memory: 5, Exception: 6, System: 7, Memory64: 9, Miscellaneous: 15, LinuxCommandLine: 0x47670006,
} as const; // prettier-ignore
const MODULE_BYTES = 108;
const THREAD_BYTES = 48;
const CODEVIEW_BUILD_ID = 0x4270454c; // "LEpB": a build-id
const CODEVIEW_PDB70 = 0x53445352; // "RSDS": a GUID made of a build-id
const AMD64 = 9;

/** A part of the file that was memory. */
export interface MemoryRange {
  readonly address: bigint;
  readonly offset: number;
  readonly bytes: number;
}

export interface Minidump {
  readonly bytes: number;
  readonly timeSeconds: number;
  /** The one with the exception comes first, with the registers of then. Without registers on another processor. */
  readonly threads: readonly ThreadToWrite[];
  readonly modules: readonly Module[];
  readonly signal: { readonly number: number; readonly code: number; readonly address: bigint; readonly thread: number } | undefined;
  /** In the order of their addresses, none inside another, and never more bytes than the file has. */
  readonly memory: readonly MemoryRange[];
  readonly isAmd64: boolean;
  readonly processId: number | undefined;
  readonly commandLine: string;
  readonly problems: readonly string[];
}

export function readMinidump(path: string): Minidump {
  return BoundedFile.with(path, (file) => new MinidumpReader(file).read());
}

interface Stream {
  readonly at: number;
  readonly bytes: number;
}

class MinidumpReader {
  private readonly problems: string[] = [];

  constructor(private readonly file: BoundedFile) {}

  read(): Minidump {
    const head = this.file.read(0, HEADER_BYTES);
    if (head.length < HEADER_BYTES) throw damagedMinidump(this.file.path, 'it ends inside its header');
    const streams = this.readDirectory(head.readUInt32LE(12), head.readUInt32LE(8));
    const system = this.stream(streams.get(Stream.System), 2);
    const isAmd64 = system.length < 2 || system.readUInt16LE(0) === AMD64;
    const exception = this.readException(streams.get(Stream.Exception));
    const threads = this.list(streams.get(Stream.Threads), THREAD_BYTES, (item) => this.readThread(item, isAmd64));
    return {
      bytes: this.file.bytes,
      timeSeconds: head.readUInt32LE(20),
      threads: inOrder(threads, exception?.signal.thread, isAmd64 ? exception?.context : undefined),
      modules: this.readModules(streams.get(Stream.Modules)),
      signal: exception?.signal,
      memory: this.readMemory(streams),
      isAmd64,
      processId: this.readProcessId(streams.get(Stream.Miscellaneous)),
      commandLine: this.readText(streams.get(Stream.LinuxCommandLine)),
      problems: this.problems,
    };
  }

  private readDirectory(at: number, claimed: number): Map<number, Stream> {
    const count = Math.min(claimed, STREAMS_MAX);
    const table = this.file.read(at, count * 12);
    if (table.length < count * 12) this.problems.push('The minidump is cut off inside its directory: streams are missing.');
    const streams = new Map<number, Stream>();
    for (let i = 0; i + 12 <= table.length; i += 12) {
      const stream = { at: table.readUInt32LE(i + 8), bytes: table.readUInt32LE(i + 4) };
      if (stream.at + stream.bytes > this.file.bytes) this.problems.push(`Stream ${table.readUInt32LE(i)} of the minidump is cut off.`);
      streams.set(table.readUInt32LE(i), stream);
    }
    return streams;
  }

  /** A count, then items of the same size; some writers pad the count to eight bytes. */
  private list<T>(stream: Stream | undefined, itemBytes: number, read: (item: Buffer) => T): T[] {
    if (stream === undefined) return [];
    const head = this.file.read(stream.at, 4);
    if (head.length < 4) return [];
    const count = Math.min(head.readUInt32LE(0), ITEMS_MAX);
    const padding = stream.bytes === 8 + count * itemBytes ? 4 : 0;
    const items = this.file.read(stream.at + 4 + padding, count * itemBytes);
    return Array.from({ length: Math.floor(items.length / itemBytes) }, (_, i) => read(items.subarray(i * itemBytes, (i + 1) * itemBytes)));
  }

  /** On Linux what is the TEB elsewhere is where the thread's own variables are: the base of fs. */
  private readThread(item: Buffer, isAmd64: boolean): ThreadToWrite {
    const context = isAmd64 ? this.readContext(item.readUInt32LE(44), item.readUInt32LE(40)) : undefined;
    const bare = { id: item.readUInt32LE(0), registers: new Map([['fs_base', item.readBigUInt64LE(16)]]), floatingPoint: undefined };
    return withContext(bare, context);
  }

  private readContext(at: number, bytes: number): Context | undefined {
    return readContext(this.file.read(at, Math.min(bytes, CONTEXT_BYTES)));
  }

  /** Stacks are in the list of memory, too. */
  private readMemory(streams: ReadonlyMap<number, Stream>): MemoryRange[] {
    const short = this.list(streams.get(Stream.Memory), 16, (item) => {
      return { address: item.readBigUInt64LE(0), bytes: item.readUInt32LE(8), offset: item.readUInt32LE(12) };
    });
    const stacks = this.list(streams.get(Stream.Threads), THREAD_BYTES, (item) => {
      return { address: item.readBigUInt64LE(24), bytes: item.readUInt32LE(32), offset: item.readUInt32LE(36) };
    });
    const all = [...short, ...stacks, ...this.readLongList(streams.get(Stream.Memory64))];
    const whole = all.filter(({ offset, bytes }) => bytes > 0 && offset + bytes <= this.file.bytes);
    const ranges = withoutOverlaps(whole);
    if (whole.length < all.length) this.problems.push('Memory is missing: the minidump is cut off.');
    return bounded(ranges, this.file.bytes);
  }

  /** A count, where the first one's bytes are, then address and size of each; the bytes follow one another. */
  private readLongList(stream: Stream | undefined): MemoryRange[] {
    const head = this.stream(stream, 16);
    if (stream === undefined || head.length < 16) return [];
    const count = Math.min(Number(head.readBigUInt64LE(0)), ITEMS_MAX);
    let offset = Number(head.readBigUInt64LE(8));
    const items = this.file.read(stream.at + 16, count * 16);
    return Array.from({ length: Math.floor(items.length / 16) }, (_, i) => {
      const range = { address: items.readBigUInt64LE(i * 16), bytes: Number(items.readBigUInt64LE(i * 16 + 8)), offset };
      offset += range.bytes;
      return range;
    });
  }

  private readProcessId(stream: Stream | undefined): number | undefined {
    const item = this.stream(stream, 12);
    const has = item.length === 12 && (item.readUInt32LE(4) & 1) !== 0; // MINIDUMP_MISC1_PROCESS_ID
    return has ? item.readUInt32LE(8) : undefined;
  }

  /** The beginning of a stream, as much as there is. */
  private stream(stream: Stream | undefined, bytes: number): Buffer {
    return stream === undefined ? Buffer.alloc(0) : this.file.read(stream.at, Math.min(bytes, stream.bytes));
  }

  private readModules(stream: Stream | undefined): Module[] {
    const modules = this.list(stream, MODULE_BYTES, (item) => ({
      base: item.readBigUInt64LE(0),
      bytes: item.readUInt32LE(8),
      path: this.readString(item.readUInt32LE(20)),
      buildId: this.readBuildId(item.readUInt32LE(80), item.readUInt32LE(76)),
    }));
    // The first is the executable, by the format's rule.
    return modules.map((module, i) => ({ kind: i === 0 ? 'exe' : module.path.includes('vdso') ? 'vdso' : 'lib', ...module }));
  }

  private readBuildId(at: number, bytes: number): string {
    const record = this.file.read(at, Math.min(bytes, 64));
    const signature = record.length < 4 ? 0 : record.readUInt32LE(0);
    if (signature === CODEVIEW_BUILD_ID) return record.subarray(4).toString('hex');
    if (signature !== CODEVIEW_PDB70 || record.length < 20) return '';
    const guid = Buffer.from(record.subarray(4, 20)); // the first 16 bytes of the build-id, as a GUID: parts are byte-swapped
    guid.subarray(0, 4).reverse();
    guid.subarray(4, 6).reverse();
    guid.subarray(6, 8).reverse();
    return guid.toString('hex');
  }

  private readException(stream: Stream | undefined) {
    const item = this.stream(stream, 168);
    if (item.length < 32) return undefined;
    const signal = {
      thread: item.readUInt32LE(0),
      number: item.readUInt32LE(8) | 0,
      code: item.readInt32LE(12),
      address: item.readBigUInt64LE(24),
    };
    const context = item.length < 168 ? undefined : this.readContext(item.readUInt32LE(164), item.readUInt32LE(160));
    return { signal, context };
  }

  /** u32 bytes, then UTF-16. */
  private readString(at: number): string {
    const head = this.file.read(at, 4);
    if (head.length < 4) return '';
    return this.file
      .read(at + 4, Math.min(head.readUInt32LE(0), 8192))
      .toString('utf16le')
      .replace(/\0+$/, '');
  }

  private readText(stream: Stream | undefined): string {
    if (stream === undefined) return '';
    return this.file.read(stream.at, Math.min(stream.bytes, 8192)).toString('utf8').replaceAll('\0', ' ').trim();
  }
}

const withContext = (thread: ThreadToWrite, context: Context | undefined): ThreadToWrite =>
  context === undefined
    ? thread
    : { ...thread, registers: new Map([...thread.registers, ...context.registers]), floatingPoint: context.floatingPoint };

/** The thread with the exception stood in the dump's own code when it was dumped; the exception has the registers of before. */
function inOrder(threads: readonly ThreadToWrite[], crashed: number | undefined, context: Context | undefined): ThreadToWrite[] {
  const first = threads.filter(({ id }) => id === crashed).map((thread) => withContext(thread, context));
  return [...first, ...threads.filter(({ id }) => id !== crashed)];
}

function withoutOverlaps(ranges: readonly MemoryRange[]): MemoryRange[] {
  const kept: MemoryRange[] = [];
  let end = 0n;
  for (const range of [...ranges].sort(byAddress)) {
    if (range.address < end) continue;
    kept.push(range);
    end = range.address + BigInt(range.bytes);
  }
  return kept;
}

/** The longest first, where two begin together. */
const byAddress = (a: MemoryRange, b: MemoryRange): number => (a.address < b.address ? -1 : a.address > b.address ? 1 : b.bytes - a.bytes);

/** Ranges that claim the same bytes many times over would make a core of any size. */
function bounded(ranges: readonly MemoryRange[], most: number): MemoryRange[] {
  let sum = 0;
  return ranges.filter(({ bytes }) => (sum += bytes) <= most);
}
