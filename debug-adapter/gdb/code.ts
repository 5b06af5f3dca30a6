// The MI commands about code: instructions, words, lines. As in commands.ts, arguments in, plain data out.

import { type FrameAt, atFrame, hex } from './commands';
import { type Gdb, quote } from './gdb';
import { type MiTuple, miTuples } from './mi-parser';

export interface Instruction {
  readonly address: bigint;
  readonly text: string;
  /** Hexadecimal; empty where no memory can be read. */
  readonly bytes: string;
  /** Of the function that begins here. */
  readonly symbol: string;
  readonly file: string;
  readonly line: number;
}

/** As many as `count`, beginning so many instructions before an address; behind it if negative. */
export async function disassemble(gdb: Gdb, address: bigint, before: number, count: number): Promise<Instruction[]> {
  const results = await gdb.send(`-afterimage-disassemble ${hex(address)} ${before} ${count}`);
  return miTuples(results, 'instructions').map(instructionOf);
}

const instructionOf = (tuple: MiTuple): Instruction => ({
  address: BigInt(String(tuple.address)),
  text: String(tuple.text).replaceAll('\t', ' ').trim(),
  bytes: String(tuple.bytes),
  symbol: String(tuple.symbol),
  file: String(tuple.file),
  line: Number(tuple.line),
});

/** What the end of a console command may become; whole commands. */
export async function completions(gdb: Gdb, frame: FrameAt, command: string): Promise<string[]> {
  const results = await gdb.send(`-afterimage-completions ${atFrame(frame)} ${quote(command)}`);
  return miTuples(results, 'completions').map(({ text }) => String(text));
}

/** The lines of a source file that have code, each once. */
export async function linesWithCode(gdb: Gdb, file: string): Promise<number[]> {
  const lines = miTuples(await gdb.send(`-symbol-list-lines ${quote(file)}`), 'lines').map(({ line }) => Number(line));
  return [...new Set(lines)].filter((line) => line > 0).sort((a, b) => a - b);
}
