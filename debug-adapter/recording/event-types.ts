// What the reader hands out about events.

import { type Failure, type Sender, type SentEvent } from './inputs';
import { type ChannelRecord, Damage } from './mcap';
import { type ThreadState } from './thread-state';

/** The type of an event, from its channel (FORMAT.md §4). */
export interface EventType {
  /** The channel: 16 and above. */
  readonly id: number;
  /** Demangled C++ type. */
  readonly name: string;
  /** The function in the executable that decodes the payload and calls react(). */
  readonly thunk: bigint;
  readonly codec: string;
  /** sizeof, for the codecs `trivial` and `made`; else 0. */
  readonly bytes: number;
  readonly align: number;
}

/** How react() ended. */
export interface EventDone {
  readonly durationNs: number;
  readonly threw: boolean;
  /** Rolling fingerprint of all allocations of the heap, after the event. */
  readonly allocations: bigint;
  /** Rolling hash of what the event sent to other reactors; 0 for nothing. */
  readonly outbound: bigint;
  /** Of the reactor's memory and of the program's variables, in recordings made with `state_digests`. */
  readonly digests?: { readonly heap: bigint; readonly variables: bigint };
}

export interface RecordedEvent {
  readonly number: number;
  readonly type: EventType;
  readonly timeNs: bigint;
  /** A view into the segment: copy it to keep it. */
  readonly payload: Buffer;
  /** `undefined`: react() did not return; the process ended inside it. */
  readonly done: EventDone | undefined;
  /** Blocks freed by others since the event before, in this order. */
  readonly foreignFrees: bigint[];
  /** `undefined`: it came from outside, or from the reactor itself. */
  readonly sender: Sender | undefined;
  /** What it sent to other reactors, if the recording has more of it than a hash. */
  readonly sent: readonly SentEvent[];
  /** What went wrong in it, in the order in which it happened. */
  readonly failures: readonly Failure[];
  /** What the thread had, if another one ran the event than the one before, or others had used its variables in between. */
  readonly threadState?: ThreadState | undefined;
}

export const DONE_BYTES = 32;
const DIGESTS_BYTES = 32;

export function readDone(data: Buffer): EventDone {
  return {
    durationNs: data.readUInt32LE(0),
    threw: (data.readUInt32LE(4) & 1) === 1,
    allocations: data.readBigUInt64LE(8),
    outbound: data.readBigUInt64LE(16),
    ...(data.length >= DONE_BYTES + DIGESTS_BYTES && {
      digests: { heap: data.readBigUInt64LE(DONE_BYTES), variables: data.readBigUInt64LE(DONE_BYTES + 8) },
    }),
  };
}

export function eventType(channel: ChannelRecord): EventType {
  const value = (key: string) => channel.metadata.get(key) ?? '';
  const thunk = value('thunk');
  if (!/^(0x)?[0-9a-fA-F]{1,16}$/.test(thunk)) throw new Damage(`channel ${channel.id} has no valid "thunk"`);
  return {
    id: channel.id,
    name: value('type') || channel.topic.replace(/^event\//, ''),
    thunk: BigInt(thunk.startsWith('0x') ? thunk : `0x${thunk}`),
    codec: value('codec'),
    bytes: Number(value('bytes')) || 0,
    align: Number(value('align')) || 1,
  };
}
