// Writes an ELF core dump, so that gdb opens what came in another form: threads with their registers, the signal, pieces of
// memory. The counterpart of core-notes.ts; nothing larger than a piece is in memory at once.

import * as fs from 'node:fs';
import { REGISTERS, type Signal } from './core-notes';

export interface ThreadToWrite {
  readonly id: number;
  readonly registers: ReadonlyMap<string, bigint>;
  /** As FXSAVE stores them: x87, MMX, SSE. */
  readonly floatingPoint: Buffer | undefined;
}

export interface Piece {
  readonly address: bigint;
  readonly bytes: number;
  read(): Buffer;
}

export interface CoreToWrite {
  /** The one that received the signal comes first. */
  readonly threads: readonly ThreadToWrite[];
  readonly signal: Signal | undefined;
  readonly processId: number;
  readonly command: string;
  readonly auxiliary: readonly (readonly [type: number, value: bigint])[];
  /** In the order of their addresses, none inside another. */
  readonly memory: readonly Piece[];
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PN_XNUM = 0xffff;
const NT = { prstatus: 1, fpregset: 2, prpsinfo: 3, auxv: 6, siginfo: 0x53494749 } as const;

/** What a program header table without a section can count. */
export const PIECES_MAX = PN_XNUM - 2;

export function writeCore(file: string, core: CoreToWrite): void {
  const descriptor = fs.openSync(file, 'wx', 0o600);
  try {
    const notes = Buffer.concat(notesOf(core));
    const notesAt = HEADER_BYTES + PROGRAM_HEADER_BYTES * (1 + core.memory.length);
    fs.writeSync(descriptor, Buffer.concat([header(core.memory.length + 1), ...programHeaders(core.memory, notesAt, notes.length), notes]));
    for (const piece of core.memory) fs.writeSync(descriptor, piece.read());
  } finally {
    fs.closeSync(descriptor);
  }
}

function header(programHeaderCount: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  const words: [at: number, value: number][] = [[16, 4], [18, 62], [52, HEADER_BYTES], [54, PROGRAM_HEADER_BYTES], [56, programHeaderCount]]; // prettier-ignore
  for (const [at, value] of words) bytes.writeUInt16LE(value, at); // ET_CORE, EM_X86_64, sizes
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  return bytes;
}

function programHeaders(memory: readonly Piece[], notesAt: number, noteBytes: number): Buffer[] {
  let at = notesAt + noteBytes;
  const loads = memory.map(({ address, bytes }) => {
    const made = programHeader(1, at, address, bytes);
    at += bytes;
    return made;
  });
  return [programHeader(4, notesAt, 0n, noteBytes), ...loads];
}

function programHeader(type: number, offset: number, address: bigint, bytes: number): Buffer {
  const made = Buffer.alloc(PROGRAM_HEADER_BYTES);
  made.writeUInt32LE(type, 0);
  made.writeUInt32LE(type === 1 ? 6 : 4, 4); // may be read; memory also written
  const words = [BigInt(offset), address, 0n, BigInt(bytes), type === 1 ? BigInt(bytes) : 0n, 1n];
  words.forEach((word, i) => made.writeBigUInt64LE(word, 8 + 8 * i));
  return made;
}

function notesOf({ threads, signal, processId, command, auxiliary }: CoreToWrite): Buffer[] {
  const [first, ...others] = threads.map((thread, i) => threadNotes(thread, i === 0 ? (signal?.number ?? 0) : 0));
  const process = [note(NT.prpsinfo, processInfo(processId, command)), note(NT.auxv, auxiliaryVector(auxiliary))];
  const info = signal === undefined ? [] : [note(NT.siginfo, signalInfo(signal))];
  return [...(first ?? []), ...info, ...process, ...others.flat()];
}

function note(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(20);
  [5, content.length, type].forEach((value, i) => head.writeUInt32LE(value, 4 * i));
  head.write('CORE', 12, 'latin1');
  return Buffer.concat([head, content]);
}

function threadNotes({ id, registers, floatingPoint }: ThreadToWrite, signal: number): Buffer[] {
  const status = Buffer.alloc(336);
  status.writeInt32LE(signal, 0);
  status.writeUInt16LE(signal & 0xffff, 12);
  status.writeInt32LE(id | 0, 32);
  REGISTERS.forEach((name, i) => status.writeBigUInt64LE(registers.get(name) ?? 0n, 112 + 8 * i));
  status.writeInt32LE(floatingPoint === undefined ? 0 : 1, 328);
  return [note(NT.prstatus, status), ...(floatingPoint === undefined ? [] : [note(NT.fpregset, floatingPoint)])];
}

function signalInfo({ number, code, address }: Signal): Buffer {
  const info = Buffer.alloc(128);
  info.writeInt32LE(number, 0);
  info.writeInt32LE(code, 8);
  info.writeBigUInt64LE(address, 16);
  return info;
}

function processInfo(id: number, command: string): Buffer {
  const info = Buffer.alloc(136);
  info.writeInt32LE(id | 0, 24);
  info.write(command.split(' ')[0]?.split('/').at(-1)?.slice(0, 15) ?? '', 40);
  info.write(command.slice(0, 79), 56);
  return info;
}

function auxiliaryVector(entries: CoreToWrite['auxiliary']): Buffer {
  const words = [...entries, [0, 0n] as const].flatMap(([type, value]) => [BigInt(type), value]);
  return Buffer.from(BigUint64Array.from(words).buffer);
}
