// A packed recording as MCAP's own library reads it.

import type { McapIndexedReader } from '@mcap/core' with { 'resolution-mode': 'import' };
import fs from 'node:fs';
import { zstdDecompress } from '../../native';

/** Opens a file with the indexed reader of @mcap/core; closed behind `use`. */
export async function withMcapReader<T>(file: string, use: (reader: McapIndexedReader) => Promise<T>): Promise<T> {
  const { McapIndexedReader: Reader } = await import('@mcap/core');
  const descriptor = fs.openSync(file, 'r');
  const readable = {
    size: () => Promise.resolve(BigInt(fs.fstatSync(descriptor).size)),
    read: (offset: bigint, bytes: bigint) => {
      const buffer = Buffer.alloc(Number(bytes));
      fs.readSync(descriptor, buffer, 0, buffer.length, Number(offset));
      return Promise.resolve(new Uint8Array(buffer));
    },
  };
  const zstd = (chunk: Uint8Array, bytes: bigint) => new Uint8Array(zstdDecompress(Buffer.from(chunk), Number(bytes)).content);
  try {
    return await use(await Reader.Initialize({ readable, decompressHandlers: { zstd } }));
  } finally {
    fs.closeSync(descriptor);
  }
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
