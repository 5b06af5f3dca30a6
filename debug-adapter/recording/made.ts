// The payload of an event that was made in its reactor's heap (FORMAT.md §4): the memory that it brought with it.

import { type RecordedEvent } from './event-types';

export interface MadeEvent {
  readonly address: bigint;
  /** Freed ones, too. Views into the payload. */
  readonly blocks: readonly { readonly address: bigint; readonly bytes: Buffer }[];
}

const HEADER_BYTES = 16;
const OPERATION_BYTES = 24;

/** `undefined` for an event of another kind, and for a payload that is damaged, cut off, or of another version. */
export function madeEvent({ type, payload }: Pick<RecordedEvent, 'type' | 'payload'>): MadeEvent | undefined {
  if (type.codec !== 'made' || payload.length < HEADER_BYTES || payload.readUInt32LE(0) !== 1) return undefined;
  const count = payload.readUInt32LE(4);
  let at = HEADER_BYTES + count * OPERATION_BYTES;
  const blocks: MadeEvent['blocks'][number][] = [];
  for (let operation = HEADER_BYTES; operation < HEADER_BYTES + count * OPERATION_BYTES; operation += OPERATION_BYTES) {
    if (at > payload.length) return undefined;
    if (payload.readUInt16LE(operation + 18) === 0) continue;
    const bytes = payload.readBigUInt64LE(operation + 8);
    if (bytes > BigInt(payload.length - at)) return undefined;
    blocks.push({ address: payload.readBigUInt64LE(operation), bytes: payload.subarray(at, at + Number(bytes)) });
    at += Number(bytes);
  }
  return { address: payload.readBigUInt64LE(8), blocks };
}

/** The bytes of the event itself, as C++ sees it; of one that was encoded, or is damaged, those that the log has. */
export function ownBytes(event: Pick<RecordedEvent, 'type' | 'payload'>): Buffer {
  const made = madeEvent(event);
  const block = made?.blocks.find(({ address, bytes }) => made.address >= address && made.address - address < BigInt(bytes.length));
  if (made === undefined || block === undefined) return event.payload;
  const at = Number(made.address - block.address);
  return block.bytes.subarray(at, at + event.type.bytes);
}
