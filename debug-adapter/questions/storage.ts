// A piece of a reactor's memory, given by its address or as what a C++ expression is stored in.

import { type ReactorInfo } from '../recording';
import { type Replayer } from '../replay/replayer';
import { type Value } from '../replay/reports';
import { answered } from './asking';
import { noStorage, notInHeap } from './errors';
import { compiledStorage } from './expressions';
import { type Range } from './range';

export interface Storage {
  readonly address: bigint;
  readonly bytes: number;
}

/** Found where a replayer stands. */
export type StorageAt = (replayer: Replayer, position: number) => Promise<Storage>;

/** The storage that an expression has at a position: it may move. */
export async function storageOf(range: Range, expression: string, gdb: string): Promise<StorageAt> {
  const { code, bytes } = await compiledStorage(range, expression, gdb);
  return async (replayer, position) => {
    const { findings } = await answered<Value>(replayer, `history ${code} ${position} ${position} 0`);
    if (findings[0] === undefined) throw noStorage(expression, position);
    return { address: BigInt.asUintN(64, findings[0].value), bytes };
  };
}

/** Throws a UserError when it is not the reactor's. */
export function checkInHeap({ name, heapBase, heapBytes }: ReactorInfo, { address, bytes }: Storage): void {
  if (address >= heapBase && address + BigInt(bytes) <= heapBase + heapBytes) return;
  throw notInHeap(hexadecimal(address), name, hexadecimal(heapBase), hexadecimal(heapBase + heapBytes));
}

const hexadecimal = (address: bigint): string => `0x${address.toString(16)}`;
