// afterimage_replay: the plain data by which a debugger sees where the replayer stands, and says where it should go
// (PROTOCOL.md; recorder/src/replay/debugger.h).

export const BLOCK_BYTES = 13 * 8;
export const TARGET_OFFSET = 4 * 8;
export const SHORTEST_WAY_OFFSET = BLOCK_BYTES + 512;
const KNOWN_VERSION = 1n;

export interface ReplayBlock {
  /** Between events: the next event's number. Inside react(): the number of its event. */
  readonly position: number;
  readonly first: number;
  readonly end: number;
  readonly inReact: boolean;
  readonly object: bigint;
  readonly payload: bigint;
  readonly payloadBytes: number;
}

/** Undefined when the bytes are not a block of a version we know. */
export function decodeBlock(bytes: Buffer): ReplayBlock | undefined {
  if (bytes.length < BLOCK_BYTES) return undefined;
  const word = (index: number) => bytes.readBigUInt64LE(index * 8);
  if (word(0) !== KNOWN_VERSION) return undefined;
  return {
    position: Number(word(1)),
    first: Number(word(2)),
    end: Number(word(3)),
    inReact: word(6) === 1n,
    object: word(7),
    payload: word(9),
    payloadBytes: Number(word(10)),
  };
}

export function encodeWord(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
