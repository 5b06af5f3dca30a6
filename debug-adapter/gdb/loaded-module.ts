// Where a file of code was in memory.

import * as fs from 'node:fs';

export interface LoadedModule {
  readonly path: string;
  readonly base: bigint;
  readonly bytes: bigint;
}

export const holds = ({ base, bytes }: LoadedModule, address: bigint): boolean => address >= base && address < base + bytes;

const ET_EXEC = 2;

/** How far its addresses are from those in the file: a program that is not position-independent is where it was linked to be. */
export function loadOffset({ path, base }: LoadedModule): bigint {
  const file = fs.openSync(path, 'r');
  try {
    const header = Buffer.alloc(18);
    fs.readSync(file, header, 0, header.length, 0);
    return header.readUInt16LE(16) === ET_EXEC ? 0n : base;
  } finally {
    fs.closeSync(file);
  }
}
