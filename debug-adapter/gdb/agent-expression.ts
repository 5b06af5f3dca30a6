// C++ expressions for the replayer: gdb compiles them as it would for a tracepoint at the entry of react(), and shows the
// bytecode as a listing ("maint agent-eval", or "maint agent" for where something is stored); here that becomes bytes again.
//
//     gdb                    "  0  reg 5", "  3  const8 48", " ..."  ->  26 0005 22 30 ...
//
// Source of opcodes and operand sizes: GDB manual, appendix F.2.

/** Opcode, and how many bytes of operand follow (big-endian). */
const OPCODES: Readonly<Record<string, readonly [code: number, operandBytes: number]>> = {
  add: [0x02, 0],
  sub: [0x03, 0],
  mul: [0x04, 0],
  div_signed: [0x05, 0],
  div_unsigned: [0x06, 0],
  rem_signed: [0x07, 0],
  rem_unsigned: [0x08, 0],
  lsh: [0x09, 0],
  rsh_signed: [0x0a, 0],
  rsh_unsigned: [0x0b, 0],
  log_not: [0x0e, 0],
  bit_and: [0x0f, 0],
  bit_or: [0x10, 0],
  bit_xor: [0x11, 0],
  bit_not: [0x12, 0],
  equal: [0x13, 0],
  less_signed: [0x14, 0],
  less_unsigned: [0x15, 0],
  ext: [0x16, 1],
  ref8: [0x17, 0],
  ref16: [0x18, 0],
  ref32: [0x19, 0],
  ref64: [0x1a, 0],
  if_goto: [0x20, 2],
  goto: [0x21, 2],
  const8: [0x22, 1],
  const16: [0x23, 2],
  const32: [0x24, 4],
  const64: [0x25, 8],
  reg: [0x26, 2],
  end: [0x27, 0],
  dup: [0x28, 0],
  pop: [0x29, 0],
  zero_ext: [0x2a, 1],
  swap: [0x2b, 0],
  pick: [0x32, 1],
  rot: [0x33, 0],
};

/** DWARF numbers of the registers that hold `this` and the event on entry to react(). */
const ENTRY_REGISTERS = [5, 4];

export interface Code {
  readonly code: Buffer;
  /** Of an expression whose code computes where it is stored: its size. */
  readonly bytes?: number;
}
export type Compiled = Code | { readonly problem: string };

interface Line {
  readonly name: string;
  readonly operand: string;
}

/** Assembles a listing of "maint agent-eval": what an expression is worth. */
export function assemble(listing: string): Compiled {
  const lines = instructions(listing);
  return lines.length === 0 ? { problem: explained(lastWords(listing)) } : encoded(lines);
}

/** Assembles a listing of "maint agent", which ends in "const8 BYTES, trace, end": where an expression is stored. */
export function assembleStorage(listing: string): Compiled {
  const lines = instructions(listing);
  if (lines.length === 0) return { problem: explained(lastWords(listing)) };
  const [size, trace] = lines.slice(-3);
  if (trace?.name !== 'trace' || size?.name.startsWith('const') !== true) return { problem: 'it is a value that is stored nowhere' };
  const compiled = encoded([...lines.slice(0, -2), { name: 'pop', operand: '0' }, { name: 'end', operand: '0' }]);
  return 'code' in compiled ? { ...compiled, bytes: Number(size.operand) } : compiled;
}

/** The instructions of a listing; of the last one if there are several, and none if it is not complete. */
function instructions(listing: string): Line[] {
  const lines: Line[] = [];
  for (const text of listing.split('\n')) {
    const match = /^\s*(\d+)\s+(\w+)(?:\s+(-?\d+))?\s*$/.exec(text);
    if (match === null) continue;
    const [, offset, name = '', operand = '0'] = match;
    if (offset === '0') lines.length = 0;
    lines.push({ name, operand });
    if (name === 'end') return lines;
  }
  return [];
}

function encoded(lines: readonly Line[]): Compiled {
  const parts: Buffer[] = [];
  for (const { name, operand } of lines) {
    // It notes memory on the way, which is of no use here; jumps rely on its length.
    if (name === 'trace_quick') {
      parts.push(instruction(OPCODES['dup']![0], 0, 0n), instruction(OPCODES['pop']![0], 0, 0n));
      continue;
    }
    const opcode = OPCODES[name];
    if (opcode === undefined) return { problem: `it needs "${name}", which cannot be done between events` };
    if (name === 'reg' && !ENTRY_REGISTERS.includes(Number(operand))) {
      return { problem: 'it names something that is neither in the reactor nor in the event' };
    }
    parts.push(instruction(opcode[0], opcode[1], BigInt(operand)));
  }
  return { code: Buffer.concat(parts) };
}

function instruction(code: number, operandBytes: number, operand: bigint): Buffer {
  const bytes = Buffer.alloc(1 + operandBytes);
  bytes[0] = code;
  for (let i = 0; i < operandBytes; i++) bytes[operandBytes - i] = Number((BigInt.asUintN(64, operand) >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

export const NOTHING_SAID = 'gdb said nothing about it';

const lastWords = (listing: string) =>
  listing.trim().split('\n').at(-1)?.replace(/\.$/, '') || NOTHING_SAID; // prettier-ignore

/** gdb's words for its limits, in ours. */
const LIMITS: readonly (readonly [RegExp, string])[] = [
  [/^gen_fetch: Unsupported type code/, 'it reads a floating-point number, which is not possible; integers, pointers and bool are'],
  [
    /^(Cannot translate to agent expression|.*cannot call user defined functions)/,
    'it calls a function or an overloaded operator, which is not possible; name data members, elements of arrays, and what pointers lead to',
  ],
  [/^Value not scalar/, 'it is a whole object; choose a number or a pointer in it'],
  [/^Invalid type of operand to `!'/, 'here "!" works on numbers only; write "== 0"'],
  [/^Invalid combination of types/, 'its operands are not both integers; cast an enumeration with (int), a pointer with (long)'],
  [/^Operand of `&' is an rvalue/, 'it is a value that is stored nowhere'],
];

const explained = (problem: string): string => LIMITS.find(([words]) => words.test(problem))?.[1] ?? problem;
