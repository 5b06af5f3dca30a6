// Where a C++ expression is stored at a position.

import { type Recording } from '../recording';
import { type Replayer } from '../replay/replayer';
import { type Value } from '../replay/reports';
import { noStorage } from './errors';
import { answered, compiledStorage, type Range } from './query';

export interface Storage {
  readonly address: bigint;
  readonly bytes: number;
}

export type StorageAt = (replayer: Replayer, position: number) => Promise<Storage>;

export async function storageOf(recording: Recording, range: Range, expression: string, gdb?: string): Promise<StorageAt> {
  const { code, bytes } = await compiledStorage(recording, range, expression, gdb);
  return async (replayer, position) => {
    const { findings } = await answered<Value>(replayer, `history ${code} ${position} ${position} 0`);
    if (findings[0] === undefined) throw noStorage(expression, position);
    return { address: BigInt.asUintN(64, findings[0].value), bytes };
  };
}
