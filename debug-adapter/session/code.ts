// Machine code, lines and modules, as DAP wants them. (Not loadedSources: VS Code would show a view "Loaded Scripts" with the
// headers of the C++ library, beside variables that need the room.)

import { Source } from '@vscode/debugadapter';
import type { DebugProtocol as P } from '@vscode/debugprotocol';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as code from '../gdb/code';
import { hex } from '../gdb/commands';
import { type Gdb } from '../gdb/gdb';
import { type Module, UserError } from '../recording';

const MOST_INSTRUCTIONS = 4096;

/** For a view that scrolls: exactly as many rows as were asked for, whatever is there. */
export async function disassembled(gdb: Gdb, args: P.DisassembleArguments): Promise<P.DisassembledInstruction[]> {
  const address = BigInt.asUintN(64, BigInt(args.memoryReference) + BigInt(args.offset ?? 0));
  if (args.instructionCount > MOST_INSTRUCTIONS) throw tooMany(args.instructionCount);
  const instructions = await code.disassemble(gdb, address, -(args.instructionOffset ?? 0), args.instructionCount);
  return instructions.map((instruction, i) => instructionOf(instruction, instructions[i - 1]));
}

const tooMany = (count: number) =>
  new UserError('too-many-instructions', `${count} instructions are too many at once; ask for at most ${MOST_INSTRUCTIONS}.`);

function instructionOf(instruction: code.Instruction, previous: code.Instruction | undefined): P.DisassembledInstruction {
  const { address, text, bytes, symbol, file, line } = instruction;
  if (bytes === '') return { address: hex(address), instruction: 'cannot be read', presentationHint: 'invalid' };
  return {
    address: hex(address),
    instruction: text,
    instructionBytes: bytes.replace(/../g, '$& ').trim(),
    ...(symbol === '' ? {} : { symbol }),
    ...(line === 0 ? {} : { line }),
    ...(file !== '' && file !== previous?.file && fs.existsSync(file) ? { location: new Source(path.basename(file), file) } : {}),
  };
}

export async function breakpointLocations(gdb: Gdb, { source, line, endLine = line }: P.BreakpointLocationsArguments) {
  if (source.path === undefined) return [];
  const lines = await code.linesWithCode(gdb, source.path);
  return lines.filter((one) => one >= line && one <= endLine).map((one) => ({ line: one }));
}

export const moduleOf = ({ path: file, base, bytes, buildId }: Module): P.Module => ({
  id: hex(base),
  name: path.basename(file),
  path: file,
  addressRange: `${hex(base)}-${hex(base + BigInt(bytes))}`,
  ...(buildId === '' ? {} : { version: `build-id ${buildId}` }),
  symbolStatus: fs.existsSync(file) ? 'file found' : 'file not on this machine',
});
