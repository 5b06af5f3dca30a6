// The control file (FORMAT.md §2): how far each reactor got, and what the crash handler could still note down. It is
// rewritten in place by a process that may die at any instruction, so every word is taken for itself and none is trusted.

import { readSmallFile } from './bounded-file';
import { UserError } from './errors';
import { signalName } from './signals';

export const REACTORS_MAX = 4096;
export const HEADER_BYTES = 4096;
export const SLOT_BYTES = 64;
export const CONTROL_BYTES = HEADER_BYTES + REACTORS_MAX * SLOT_BYTES;
const MAGIC = 'AFTRIMG-CTRL-001';
const FAILURE_TEXT = { offset: 2048, bytes: 1024 };
const REGISTERS_OFFSET = 592;
// The order of gregs in ucontext_t.
const REGISTERS = [
  'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rdi', 'rsi', 'rbp', 'rbx', 'rdx', 'rax', 'rcx', 'rsp', 'rip',
  'eflags', 'csgsfs', 'err', 'trapno', 'oldmask', 'cr2',
]; // prettier-ignore

export interface CrashReport {
  readonly signal: number;
  readonly signalName: string;
  readonly code: number;
  /** si_addr: for SIGSEGV and SIGBUS the address that was touched. */
  readonly address: bigint;
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  readonly threadId: number;
  /** The reactor whose react() ran on the crashing thread; `undefined` when it crashed elsewhere. */
  readonly reactor: number | undefined;
  readonly event: number | undefined;
  readonly timeNs: bigint;
  readonly registers: ReadonlyMap<string, bigint>;
}

export type ReactorState = 'unused' | 'live' | 'destroyed' | 'stepped-aside' | 'unknown';

export interface ReactorProgress {
  readonly started: number;
  readonly finished: number;
  readonly snapshotPosition: number;
  readonly state: ReactorState;
  readonly heapBase: bigint;
  /** How often something went wrong inside react(), as the log has it. */
  readonly failures: number;
}

export interface Control {
  readonly uuid: string;
  readonly closed: boolean;
  readonly stopTimeNs: bigint | undefined;
  readonly failure: { readonly errno: number; readonly text: string } | undefined;
  readonly crash: CrashReport | undefined;
  /** The process died while it wrote the crash report. */
  readonly crashIncomplete: boolean;
  readonly reactorCount: number;
  reactor(id: number): ReactorProgress | undefined;
}

/** The control file of a recording, or the sentence that says why there is none. */
export function readControl(directory: string): Control | string {
  const path = `${directory}/control`;
  try {
    const bytes = readSmallFile(path, CONTROL_BYTES * 16);
    if (bytes === undefined) return 'The control file is missing: how the process ended and how far it got are unknown.';
    return parseControl(bytes);
  } catch (error) {
    if (error instanceof UserError) return `${error.message} How the process ended and how far it got are unknown.`;
    throw error;
  }
}

export function parseControl(bytes: Buffer): Control | string {
  const unknown = 'how the process ended and how far it got are unknown.';
  if (bytes.length < CONTROL_BYTES) return `The control file has ${bytes.length} bytes instead of ${CONTROL_BYTES}: ${unknown}`;
  if (bytes.toString('latin1', 0, 16) !== MAGIC) return `The control file does not begin with ${MAGIC}: ${unknown}`;
  const version = bytes.readUInt32LE(16);
  if (version !== 1) return `The control file has version ${version} instead of 1: ${unknown}`;

  const closed = bytes.readBigUInt64LE(48) === 2n;
  const crashState = bytes.readBigUInt64LE(512);
  return {
    uuid: bytes.toString('hex', 24, 40),
    closed,
    stopTimeNs: closed ? bytes.readBigUInt64LE(64) : undefined,
    failure: parseFailure(bytes),
    crash: crashState === 2n ? parseCrash(bytes) : undefined,
    crashIncomplete: crashState === 1n,
    reactorCount: Math.min(count(bytes, 40), REACTORS_MAX),
    reactor: (id) => (id >= 0 && id < REACTORS_MAX ? parseSlot(bytes, HEADER_BYTES + id * SLOT_BYTES) : undefined),
  };
}

function parseCrash(bytes: Buffer): CrashReport {
  const signal = bytes.readUInt32LE(520);
  const reactorPlusOne = count(bytes, 568);
  return {
    signal,
    signalName: signalName(signal),
    code: bytes.readInt32LE(524),
    address: bytes.readBigUInt64LE(528),
    rip: bytes.readBigUInt64LE(536),
    rsp: bytes.readBigUInt64LE(544),
    rbp: bytes.readBigUInt64LE(552),
    threadId: count(bytes, 560),
    reactor: reactorPlusOne === 0 ? undefined : reactorPlusOne - 1,
    event: reactorPlusOne === 0 ? undefined : count(bytes, 576),
    timeNs: bytes.readBigUInt64LE(584),
    registers: new Map(REGISTERS.map((name, i) => [name, bytes.readBigUInt64LE(REGISTERS_OFFSET + 8 * i)])),
  };
}

function parseFailure(bytes: Buffer): Control['failure'] {
  const errno = count(bytes, 56);
  const text = bytes.subarray(FAILURE_TEXT.offset, FAILURE_TEXT.offset + FAILURE_TEXT.bytes);
  const end = text.indexOf(0);
  const words = text.toString('utf8', 0, end < 0 ? text.length : end);
  return errno === 0 && words === '' ? undefined : { errno, text: words };
}

const STATES: readonly ReactorState[] = ['unused', 'live', 'destroyed', 'stepped-aside'];

function parseSlot(bytes: Buffer, at: number): ReactorProgress {
  return {
    started: count(bytes, at),
    finished: count(bytes, at + 8),
    snapshotPosition: count(bytes, at + 16),
    state: STATES[count(bytes, at + 24)] ?? 'unknown',
    heapBase: bytes.readBigUInt64LE(at + 32),
    failures: count(bytes, at + 56),
  };
}

/** A counter as a number. One beyond 2^53 is damage: it then reads as the largest safe number, which no log can match. */
function count(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
