// C++ expressions for the replayer: gdb compiles them as it would for a tracepoint at the entry of react(), and shows the
// bytecode as a listing ("maint agent-eval"); here that becomes bytes again. No process is needed, only debug information.
//
//     gdb                    "  0  reg 5", "  3  const8 48", " ..."  ->  26 0005 22 30 ...
//
// Source of opcodes and operand sizes: GDB manual, appendix F.2.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

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

export type Compiled = { readonly code: Buffer } | { readonly problem: string };

/** Assembles a listing; the last complete one if there are several. */
export function assemble(listing: string): Compiled {
  const parts: Buffer[] = [];
  for (const line of listing.split('\n')) {
    const match = /^\s*(\d+)\s+(\w+)(?:\s+(-?\d+))?\s*$/.exec(line);
    if (match === null) continue;
    const [, offset, name = '', operand = '0'] = match;
    if (offset === '0') parts.length = 0;
    const opcode = OPCODES[name];
    if (opcode === undefined) return { problem: `it needs "${name}", which cannot be done between events (a call, or floating point)` };
    if (name === 'reg' && !ENTRY_REGISTERS.includes(Number(operand))) {
      return { problem: 'it names something that is neither in the reactor nor in the event' };
    }
    parts.push(instruction(opcode[0], opcode[1], BigInt(operand)));
    if (name === 'end') return { code: Buffer.concat(parts) };
  }
  return { problem: lastWords(listing) };
}

function instruction(code: number, operandBytes: number, operand: bigint): Buffer {
  const bytes = Buffer.alloc(1 + operandBytes);
  bytes[0] = code;
  for (let i = 0; i < operandBytes; i++) bytes[operandBytes - i] = Number((BigInt.asUintN(64, operand) >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

const lastWords = (listing: string) =>
  listing.trim().split('\n').at(-1)?.replace(/\.$/, '') || 'gdb said nothing about it'; // prettier-ignore

export class GdbNotStarted extends Error {
  constructor(
    readonly missing: boolean,
    message: string,
  ) {
    super(message);
  }
}

export interface Source {
  readonly gdb: string;
  readonly program: string;
  /** C++ types of the reactor and of the events that it has received. */
  readonly reactor: string;
  readonly events: readonly string[];
  readonly expression: string;
}

const REWRITES_MAX = 16;

/** Compiles the expression as seen on entry to react(). */
export async function compileExpression(source: Source): Promise<Compiled> {
  const names = ['react', 'handle', 'consume', 'operator()'].map((method) => `${source.reactor}::${method}`);
  const overloads = names.flatMap((name) => source.events.map((event) => `'${name}(${event} const&)'`));
  for (const scope of [...names.slice(0, 1), ...overloads]) {
    const compiled = await compileAt(source, scope, source.expression);
    if ('code' in compiled) return compiled;
  }
  return compileRewritten(source);
}

/**
 * Where react() was inlined, or keeps its arguments on the stack (-O0), gdb finds no names in registers. Then the names are
 * spelled out, one unknown name after the other: a member of the reactor, else the event.
 */
async function compileRewritten(source: Source): Promise<Compiled> {
  const reactor = `((${source.reactor}*)$rdi)`;
  let expression = source.expression.replace(/\bthis\b/g, reactor);
  let compiled = await compileAt(source, 'main', expression);
  const first = compiled; // says what the user wrote, not what became of it
  for (let i = 0; i < REWRITES_MAX && 'problem' in compiled; i++) {
    const [, unknown] = /^No symbol "(\w+)" in current context/.exec(compiled.problem) ?? [];
    const [, notMember] = /(?:no|find) member named [`']?(\w+)/.exec(compiled.problem) ?? [];
    const event = source.events[0];
    if (unknown !== undefined) expression = expression.replace(new RegExp(`\\b${unknown}\\b`, 'g'), `${reactor}->${unknown}`);
    else if (notMember !== undefined && event !== undefined && expression.includes(`${reactor}->${notMember}`))
      expression = expression.replaceAll(`${reactor}->${notMember}`, `(*(${event}*)$rsi)`);
    else break;
    compiled = await compileAt(source, 'main', expression);
  }
  return 'code' in compiled ? compiled : first;
}

async function compileAt({ gdb, program }: Source, scope: string, expression: string): Promise<Compiled> {
  return assemble(await askGdb(gdb, program, `maint agent-eval -at ${scope}, ${expression}`));
}

async function askGdb(gdb: string, program: string, command: string): Promise<string> {
  const child = spawn(gdb, ['-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', program, '-ex', command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw new GdbNotStarted(error.code === 'ENOENT', error.message);
  });
  const [listing, words] = await Promise.all([text(child.stdout as Readable), text(child.stderr as Readable)]);
  return `${listing}\n${words}`;
}
