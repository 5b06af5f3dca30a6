// Minidumps of Breakpad and Crashpad: header, a directory of streams, and what they say of threads, modules and the crash. They
// hold stacks, not the heap, so there is no reactor in them to look into. (Format: minidumpapiset.h; all offsets are 32 bits.)

import { BoundedFile, type Module } from '../recording';
import { damagedMinidump } from './errors';

export const MINIDUMP_MAGIC = 'MDMP';
const HEADER_BYTES = 32;
const STREAMS_MAX = 1024;
const ITEMS_MAX = 65_536;
const Stream = { Threads: 3, Modules: 4, Memory: 5, Exception: 6, System: 7, Memory64: 9, LinuxCommandLine: 0x47670006 } as const;
const MODULE_BYTES = 108;
const THREAD_BYTES = 48;
const CODEVIEW_BUILD_ID = 0x4270454c; // "LEpB": a build-id
const CODEVIEW_PDB70 = 0x53445352; // "RSDS": a GUID made of a build-id
// CONTEXT of x86-64: rsp and rip.
const CONTEXT = { rsp: 0x98, rip: 0xf8, bytes: 0x100 };

export interface Minidump {
  readonly bytes: number;
  readonly timeSeconds: number;
  readonly threads: readonly { readonly id: number; readonly instruction: bigint; readonly stack: bigint }[];
  readonly modules: readonly Module[];
  readonly signal: { readonly number: number; readonly code: number; readonly address: bigint; readonly thread: number } | undefined;
  readonly memoryRanges: number;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly problems: readonly string[];
}

export function readMinidump(path: string): Minidump {
  return BoundedFile.with(path, (file) => new MinidumpReader(file).read());
}

class MinidumpReader {
  private readonly problems: string[] = [];

  constructor(private readonly file: BoundedFile) {}

  read(): Minidump {
    const head = this.file.read(0, HEADER_BYTES);
    if (head.length < HEADER_BYTES) throw damagedMinidump(this.file.path, 'it ends inside its header');
    const streams = this.readDirectory(head.readUInt32LE(12), head.readUInt32LE(8));
    const ranges = this.list(streams.get(Stream.Memory), 16, (item) => item.readUInt32LE(8));
    const signal = this.readException(streams.get(Stream.Exception));
    return {
      bytes: this.file.bytes,
      timeSeconds: head.readUInt32LE(20),
      threads: this.list(streams.get(Stream.Threads), THREAD_BYTES, (item) => this.readThread(item)),
      modules: this.readModules(streams.get(Stream.Modules)),
      signal,
      memoryRanges: ranges.length,
      memoryBytes: ranges.reduce((sum, bytes) => sum + bytes, 0),
      commandLine: this.readText(streams.get(Stream.LinuxCommandLine)),
      problems: this.problems,
    };
  }

  private readDirectory(at: number, claimed: number): Map<number, { at: number; bytes: number }> {
    const count = Math.min(claimed, STREAMS_MAX);
    const table = this.file.read(at, count * 12);
    if (table.length < count * 12) this.problems.push('The minidump is cut off inside its directory: streams are missing.');
    const streams = new Map<number, { at: number; bytes: number }>();
    for (let i = 0; i + 12 <= table.length; i += 12) {
      const stream = { at: table.readUInt32LE(i + 8), bytes: table.readUInt32LE(i + 4) };
      if (stream.at + stream.bytes > this.file.bytes) this.problems.push(`Stream ${table.readUInt32LE(i)} of the minidump is cut off.`);
      streams.set(table.readUInt32LE(i), stream);
    }
    return streams;
  }

  /** A count, then items of the same size; some writers pad the count to eight bytes. */
  private list<T>(stream: { at: number; bytes: number } | undefined, itemBytes: number, read: (item: Buffer) => T): T[] {
    if (stream === undefined) return [];
    const head = this.file.read(stream.at, 4);
    if (head.length < 4) return [];
    const count = Math.min(head.readUInt32LE(0), ITEMS_MAX);
    const padding = stream.bytes === 8 + count * itemBytes ? 4 : 0;
    const items = this.file.read(stream.at + 4 + padding, count * itemBytes);
    return Array.from({ length: Math.floor(items.length / itemBytes) }, (_, i) => read(items.subarray(i * itemBytes, (i + 1) * itemBytes)));
  }

  private readThread(item: Buffer) {
    return { id: item.readUInt32LE(0), ...this.readContext(item.readUInt32LE(44), item.readUInt32LE(40)) };
  }

  private readContext(at: number, bytes: number): { instruction: bigint; stack: bigint } {
    const context = this.file.read(at, Math.min(bytes, CONTEXT.bytes));
    if (context.length < CONTEXT.bytes) return { instruction: 0n, stack: 0n };
    return { instruction: context.readBigUInt64LE(CONTEXT.rip), stack: context.readBigUInt64LE(CONTEXT.rsp) };
  }

  private readModules(stream: { at: number; bytes: number } | undefined): Module[] {
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

  private readException(stream: { at: number; bytes: number } | undefined): Minidump['signal'] {
    if (stream === undefined) return undefined;
    const item = this.file.read(stream.at, 40);
    if (item.length < 32) return undefined;
    return {
      thread: item.readUInt32LE(0),
      number: item.readUInt32LE(8) | 0,
      code: item.readInt32LE(12),
      address: item.readBigUInt64LE(24),
    };
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

  private readText(stream: { at: number; bytes: number } | undefined): string {
    if (stream === undefined) return '';
    return this.file.read(stream.at, Math.min(stream.bytes, 8192)).toString('utf8').replaceAll('\0', ' ').trim();
  }
}
