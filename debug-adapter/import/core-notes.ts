// The notes of a core file: threads, signal, mapped files. Walked one by one and never read as a whole: a corrupt size must
// not make us allocate what it claims, and a program with ten thousand threads has megabytes of them.

import { type BoundedFile } from '../recording';

export interface Thread {
  readonly id: number;
  readonly registers: ReadonlyMap<string, bigint>;
}

export interface Signal {
  readonly number: number;
  readonly code: number;
  /** si_addr; for signals that were sent, something else. */
  readonly address: bigint;
}

export interface MappedFile {
  readonly start: bigint;
  readonly end: bigint;
  readonly fileOffset: bigint;
  readonly path: string;
}

export interface CoreNotes {
  /** The thread that received the signal comes first. */
  readonly threads: Thread[];
  signal: Signal | undefined;
  hasSignalInfo: boolean;
  processId: number | undefined;
  /** The first 80 characters of the command line. */
  command: string;
  readonly auxiliary: Map<number, bigint>;
  readonly files: MappedFile[];
  /** The recorder's own: this core is the snapshot of a recording. */
  isSnapshot: boolean;
  count: number;
  /** Sentences about what could not be read. */
  readonly problems: string[];
}

const NT_PRSTATUS = 1;
const NT_PRPSINFO = 3;
const NT_AUXV = 6;
const NT_SIGINFO = 0x53494749;
const NT_FILE = 0x46494c45;
const AFTRIMG_SNAPSHOT = 2;

const NOTES_MAX = 1 << 20;
const THREADS_MAX = 65_536;
const FILES_MAX = 131_072;
const FILE_NOTE_BYTES_MAX = 32 << 20;
const WINDOW_BYTES = 64 << 10;

// The order of struct user_regs_struct.
export const REGISTERS = [
  'r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi', 'orig_rax', 'rip', 'cs',
  'eflags', 'rsp', 'ss', 'fs_base', 'gs_base', 'ds', 'es', 'fs', 'gs',
]; // prettier-ignore

export function emptyNotes(): CoreNotes {
  return {
    threads: [],
    signal: undefined,
    hasSignalInfo: false,
    processId: undefined,
    command: '',
    auxiliary: new Map(),
    files: [],
    isSnapshot: false,
    count: 0,
    problems: [],
  };
}

/** Adds what the notes in [offset, offset + bytes) of the file say. */
export function readNotes(file: BoundedFile, offset: number, bytes: number, notes: CoreNotes): void {
  const end = Math.min(offset + bytes, file.bytes);
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  const view = (at: number, length: number): Buffer => {
    if (at < windowAt || at + length > windowAt + window.length) {
      window = file.read(at, Math.min(Math.max(length, WINDOW_BYTES), end - at));
      windowAt = at;
    }
    return window.subarray(at - windowAt, at - windowAt + length);
  };
  for (let at = offset; at + 12 <= end;) {
    if (++notes.count > NOTES_MAX) return;
    const head = view(at, 12);
    const nameBytes = head.readUInt32LE(0);
    const descBytes = head.readUInt32LE(4);
    const type = head.readUInt32LE(8);
    const desc = at + 12 + align4(nameBytes);
    if (desc + descBytes > end) {
      notes.problems.push('The notes are cut off: threads or mapped files may be missing.');
      return;
    }
    const name =
      nameBytes <= 16
        ? view(at + 12, nameBytes)
            .toString('latin1')
            .replace(/\0+$/, '')
        : '';
    readNote(name, type, () => view(desc, descBytes), descBytes, notes);
    at = desc + align4(descBytes);
  }
}

function readNote(name: string, type: number, desc: () => Buffer, bytes: number, notes: CoreNotes): void {
  if (name === 'AFTRIMG' && type === AFTRIMG_SNAPSHOT) notes.isSnapshot = true;
  if (name !== 'CORE') return;
  if (type === NT_FILE && bytes <= FILE_NOTE_BYTES_MAX) readFiles(desc(), notes);
  else if (bytes > WINDOW_BYTES) return;
  else if (type === NT_PRSTATUS && bytes >= 336) readThread(desc(), notes);
  else if (type === NT_PRPSINFO && bytes >= 136) readProcess(desc(), notes);
  else if (type === NT_SIGINFO && bytes >= 24) readSignal(desc(), notes);
  else if (type === NT_AUXV) readAuxiliary(desc(), notes);
}

function readThread(desc: Buffer, notes: CoreNotes): void {
  if (notes.threads.length >= THREADS_MAX) return;
  const registers = new Map(REGISTERS.map((name, i) => [name, desc.readBigUInt64LE(112 + 8 * i)]));
  notes.threads.push({ id: desc.readInt32LE(32), registers });
  // gcore and old kernels write no NT_SIGINFO, but the first thread has the number.
  const signal = desc.readUInt16LE(12);
  if (notes.threads.length === 1 && signal !== 0 && notes.signal === undefined) {
    notes.signal = { number: signal, code: 0, address: 0n };
  }
}

function readProcess(desc: Buffer, notes: CoreNotes): void {
  notes.processId = desc.readInt32LE(24);
  notes.command = text(desc.subarray(56, 136)).trimEnd();
}

/** The first one: of the thread that ended the process. (gdb writes one for every thread.) */
function readSignal(desc: Buffer, notes: CoreNotes): void {
  if (notes.hasSignalInfo) return;
  notes.hasSignalInfo = true;
  notes.signal = { number: desc.readInt32LE(0), code: desc.readInt32LE(8), address: desc.readBigUInt64LE(16) };
}

function readAuxiliary(desc: Buffer, notes: CoreNotes): void {
  for (let at = 0; at + 16 <= desc.length; at += 16) {
    notes.auxiliary.set(Number(desc.readBigUInt64LE(at)), desc.readBigUInt64LE(at + 8));
  }
}

/** Count, page size, then {start, end, page offset} each, then the paths, each with a NUL behind it. */
function readFiles(desc: Buffer, notes: CoreNotes): void {
  if (desc.length < 16) return;
  const count = Math.min(Number(desc.readBigUInt64LE(0)), FILES_MAX, Math.floor((desc.length - 16) / 24));
  const page = desc.readBigUInt64LE(8);
  let path = 16 + Number(desc.readBigUInt64LE(0)) * 24;
  for (let i = 0; i < count && path < desc.length; i++) {
    const at = 16 + i * 24;
    const end = desc.indexOf(0, path);
    notes.files.push({
      start: desc.readBigUInt64LE(at),
      end: desc.readBigUInt64LE(at + 8),
      fileOffset: desc.readBigUInt64LE(at + 16) * page,
      path: desc.toString('utf8', path, end < 0 ? desc.length : end),
    });
    if (end < 0) return;
    path = end + 1;
  }
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

const align4 = (n: number) => Math.ceil(n / 4) * 4;
