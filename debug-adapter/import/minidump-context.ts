// The registers of a thread as minidumps have them: CONTEXT of x86-64 (winnt.h).

/** By their places in the structure. */
const GENERAL = [
  'rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip',
]; // prettier-ignore
const GENERAL_AT = 0x78;
const SEGMENTS = ['cs', 'ds', 'es', 'fs', 'gs', 'ss'];
const SEGMENTS_AT = 0x38;
const FLAGS_AT = 0x44;
const FLOATING_POINT = { at: 0x100, bytes: 512 };

export const CONTEXT_BYTES = FLOATING_POINT.at + FLOATING_POINT.bytes;

export interface Context {
  readonly registers: Map<string, bigint>;
  readonly floatingPoint: Buffer;
}

/** `undefined` for one that is cut off, or of another processor. */
export function readContext(bytes: Buffer): Context | undefined {
  if (bytes.length < CONTEXT_BYTES) return undefined;
  const registers = new Map(GENERAL.map((name, i) => [name, bytes.readBigUInt64LE(GENERAL_AT + 8 * i)]));
  SEGMENTS.forEach((name, i) => registers.set(name, BigInt(bytes.readUInt16LE(SEGMENTS_AT + 2 * i))));
  registers.set('eflags', BigInt(bytes.readUInt32LE(FLAGS_AT)));
  return { registers, floatingPoint: Buffer.from(bytes.subarray(FLOATING_POINT.at, CONTEXT_BYTES)) };
}
