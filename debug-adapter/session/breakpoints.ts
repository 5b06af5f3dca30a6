// The user's breakpoints: DAP sends all of a source at once, gdb knows them one by one. Their DAP ids are gdb's numbers.

import type { DebugProtocol } from '@vscode/debugprotocol';
import * as path from 'node:path';
import * as mi from '../gdb/commands';
import { Gdb } from '../gdb/gdb';

/** The debug registers of a processor. */
const WORDS_WATCHED = 4;
export const MOST_BYTES_WATCHED = 8 * WORDS_WATCHED;
const TOO_MANY_WORDS = `The processor watches ${MOST_BYTES_WATCHED} bytes at most, in all. Remove another data breakpoint first.`;
const NO_CODE = 'The recorded program has no code here.';
/** Stand for a path, where there is none. */
const FUNCTIONS = '';
const INSTRUCTIONS = '*';
const MEMORY = '=';

export class Breakpoints {
  /** By source path. */
  private readonly placesBySource = new Map<string, mi.BreakpointPlace[]>();

  constructor(
    private readonly gdb: Gdb,
    private readonly numbersChanged: (numbers: readonly string[]) => void,
  ) {}

  setInSource(source: string, wanted: readonly DebugProtocol.SourceBreakpoint[]): Promise<DebugProtocol.Breakpoint[]> {
    const wishes = wanted.map((breakpoint) => ({ at: { source, line: breakpoint.line }, ...conditionsOf(breakpoint) }));
    return this.replace(source, wishes);
  }

  setFunctions(wanted: readonly DebugProtocol.FunctionBreakpoint[]): Promise<DebugProtocol.Breakpoint[]> {
    const wishes = wanted.map((breakpoint) => ({ at: { function: breakpoint.name }, ...conditionsOf(breakpoint) }));
    return this.replace(FUNCTIONS, wishes);
  }

  setInstructions(wanted: readonly DebugProtocol.InstructionBreakpoint[]): Promise<DebugProtocol.Breakpoint[]> {
    const wishes = wanted.map((breakpoint) => ({ at: { instruction: instructionOf(breakpoint) }, ...conditionsOf(breakpoint) }));
    return this.replace(INSTRUCTIONS, wishes);
  }

  /** Each by the id that `watched` has given. As many as x86 processors have debug registers. */
  setMemory(wanted: readonly DebugProtocol.DataBreakpoint[]): Promise<DebugProtocol.Breakpoint[]> {
    const places = wanted.map(({ dataId }) => dataId.split('+').map(Number) as [number, number]);
    const words = places.reduce((sum, [address, bytes]) => sum + wordsOf(address, bytes), 0);
    if (words > WORDS_WATCHED) return Promise.resolve(wanted.map(() => ({ verified: false, message: TOO_MANY_WORDS })));
    const wishes = wanted.map((breakpoint, i) => {
      const [address, bytes] = places[i]!;
      return { at: { memory: BigInt(address), bytes }, ...conditionsOf(breakpoint) };
    });
    return this.replace(MEMORY, wishes);
  }

  /** What DAP calls a stop at this breakpoint. */
  reasonOf(number: string): 'breakpoint' | 'function breakpoint' | 'instruction breakpoint' {
    const isOf = (source: string) => this.placesBySource.get(source)?.some((place) => place.number === number) ?? false;
    if (isOf(FUNCTIONS)) return 'function breakpoint';
    return isOf(INSTRUCTIONS) ? 'instruction breakpoint' : 'breakpoint';
  }

  /** A library was loaded, and a breakpoint found its place: what the client must be told. */
  async moved(number: string): Promise<DebugProtocol.Breakpoint | undefined> {
    const known = [...this.placesBySource.values()].flat().find((place) => place.number === number);
    if (known === undefined || known.line !== undefined) return undefined;
    return breakpointOf(Object.assign(known, await mi.breakpointPlace(this.gdb, number)));
  }

  private async replace(source: string, wishes: readonly mi.BreakpointWish[]): Promise<DebugProtocol.Breakpoint[]> {
    await mi.deleteBreakpoints(
      this.gdb,
      (this.placesBySource.get(source) ?? []).map(({ number }) => number),
    );
    const places: mi.BreakpointPlace[] = [];
    this.placesBySource.set(source, places);
    const answers: DebugProtocol.Breakpoint[] = [];
    for (const wish of wishes) answers.push(await this.insert(wish, places));
    this.numbersChanged([...this.placesBySource.values()].flat().map(({ number }) => number));
    return answers;
  }

  private async insert(wish: mi.BreakpointWish, places: mi.BreakpointPlace[]): Promise<DebugProtocol.Breakpoint> {
    try {
      const place = await mi.insertBreakpoint(this.gdb, wish);
      places.push(place);
      return breakpointOf(place);
    } catch (error) {
      return { verified: false, message: error instanceof Error ? error.message : String(error) };
    }
  }
}

const wordsOf = (address: number, bytes: number): number => Math.ceil(((address % 8) + bytes) / 8);

/** Names memory for `setMemory`. */
export const dataIdOf = (address: bigint, bytes: number): string => `${mi.hex(address)}+${bytes}`;

function breakpointOf(place: mi.BreakpointPlace): DebugProtocol.Breakpoint {
  const id = Number(place.number);
  if (place.isMemory) return { id, verified: true };
  if (place.line === undefined && place.address === undefined) return { id, verified: false, message: NO_CODE };
  return {
    id,
    verified: true,
    ...(place.address === undefined ? {} : { instructionReference: mi.hex(place.address) }),
    ...(place.line === undefined ? {} : { line: place.line }),
    ...(place.file === undefined ? {} : { source: { name: path.basename(place.file), path: place.file } }),
  };
}

const instructionOf = ({ instructionReference, offset }: DebugProtocol.InstructionBreakpoint): bigint =>
  BigInt(instructionReference) + BigInt(offset ?? 0);

type Conditional = Pick<DebugProtocol.SourceBreakpoint, 'condition' | 'hitCondition' | 'logMessage'>;

function conditionsOf(breakpoint: Conditional) {
  return {
    condition: breakpoint.condition,
    hits: breakpoint.hitCondition,
    log: breakpoint.logMessage,
  };
}
