// What the recorder leaves for a core to tell (FORMAT.md §9): the recording's name, each reactor's progress, the last events.
// It was written by a process that died, and read from a file that may be damaged: nothing in it is trusted.

import { type ElfCore } from './core';

const BLOCK_MAGIC = 'AFTRIMG-CORE-01\0';
export const BLOCK_BYTES = 348_160;
const REACTORS = { offset: 4096, bytes: 256, most: 256 };
const TYPES = { offset: 69_632, bytes: 128, most: 128 };
const RING = { offset: 86_016, cellBytes: 64, cells: 4096 };
const EVENT_HEAD_BYTES = 40;
const EVENT_BYTES_MAX = 4096;
const CODECS = ['trivial', 'custom', 'bytes', 'made'] as const;

export interface NotedReactor {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly slotBase: bigint;
  readonly slotBytes: bigint;
  readonly object: bigint;
  readonly started: number;
  readonly finished: number;
}

export interface NotedType {
  readonly name: string;
  readonly codec: (typeof CODECS)[number];
  readonly bytes: number;
}

export interface NotedEvent {
  readonly reactor: number;
  readonly number: number;
  readonly timeNs: bigint;
  /** Index in `types`; `undefined`: not noted. */
  readonly type: number | undefined;
  /** Of the whole payload. */
  readonly bytes: number;
  /** Its beginning, if it was long. */
  readonly payload: Buffer;
}

export interface CoreBlock {
  readonly address: bigint;
  readonly state: 'live' | 'closed' | 'forked';
  readonly uuid: string;
  readonly buildId: string;
  readonly recordingPath: string;
  readonly processId: number;
  readonly reactors: readonly NotedReactor[];
  readonly types: readonly NotedType[];
  readonly events: readonly NotedEvent[];
  /** The core does not hold all of it. */
  readonly cutOff: boolean;
}

/** `undefined` when there is no block at this address, or not of this version. */
export function readCoreBlock(core: ElfCore, address: bigint): CoreBlock | undefined {
  const read = core.read(address, BLOCK_BYTES);
  if (read.length < REACTORS.offset || read.toString('latin1', 0, 16) !== BLOCK_MAGIC || read.readUInt32LE(16) !== 1) return undefined;
  const state = ([undefined, 'live', 'closed', 'forked'] as const)[Number(read.readBigUInt64LE(40))];
  if (state === undefined) return undefined;
  return {
    address,
    state,
    uuid: read.toString('hex', 24, 40),
    buildId: /^([0-9a-f]{2})*/.exec(text(read, 80, 64))?.[0] ?? '',
    recordingPath: text(read, 144, 2048),
    processId: count(read, 72),
    reactors: entries(read, REACTORS, count(read, 48)).map((entry) => readReactor(entry)),
    types: entries(read, TYPES, count(read, 56)).map((entry) => readType(entry)),
    events: ofTheLast(readEvents(read, read.readBigUInt64LE(64))),
    cutOff: read.length < BLOCK_BYTES,
  };
}

function entries(block: Buffer, { offset, bytes, most }: typeof REACTORS, claimed: number): Buffer[] {
  const there = Math.max(0, Math.floor((block.length - offset) / bytes));
  const number = Math.min(claimed, most, there);
  return Array.from({ length: number }, (_, i) => block.subarray(offset + i * bytes, offset + (i + 1) * bytes));
}

const readReactor = (entry: Buffer): NotedReactor => ({
  id: entry.readUInt32LE(0),
  slotBase: entry.readBigUInt64LE(8),
  slotBytes: entry.readBigUInt64LE(16),
  object: entry.readBigUInt64LE(24),
  started: count(entry, 32),
  finished: count(entry, 40),
  name: text(entry, 48, 96),
  type: text(entry, 144, 112),
});

const readType = (entry: Buffer): NotedType => ({
  bytes: entry.readUInt32LE(0),
  codec: CODECS[entry.readUInt32LE(4)] ?? 'bytes',
  name: text(entry, 8, 120),
});

/** A reactor may have the number of one that ended before it: its own events begin where they are counted from 0 again. */
function ofTheLast(events: readonly NotedEvent[]): NotedEvent[] {
  const begins = new Map(events.map(({ reactor, number }, i) => [reactor, number === 0 ? i : -1] as const).filter(([, i]) => i >= 0));
  return events.filter(({ reactor }, i) => i >= (begins.get(reactor) ?? 0));
}

/** Cell n of the ring is valid as the head of an event when it holds n + 1. What was half overwritten has another number. */
function readEvents(block: Buffer, next: bigint): NotedEvent[] {
  const ring = block.subarray(Math.min(RING.offset, block.length), RING.offset + RING.cells * RING.cellBytes);
  const cells = BigInt(RING.cells);
  const events: NotedEvent[] = [];
  for (let cell = next > cells ? next - cells : 0n; cell < next;) {
    const event = readEvent(ring, cell, next);
    if (event !== undefined) events.push(event.noted);
    cell += BigInt(event?.cells ?? 1);
  }
  return events;
}

function readEvent(ring: Buffer, cell: bigint, next: bigint): { noted: NotedEvent; cells: number } | undefined {
  const at = Number(cell % BigInt(RING.cells)) * RING.cellBytes;
  if (at + EVENT_HEAD_BYTES > ring.length || ring.readBigUInt64LE(at) !== cell + 1n) return undefined;
  const cells = ring.readUInt16LE(at + 30);
  const kept = ring.readUInt32LE(at + 36);
  const needed = Math.ceil((EVENT_HEAD_BYTES + kept) / RING.cellBytes);
  if (kept > EVENT_BYTES_MAX - EVENT_HEAD_BYTES || cells !== needed || cell + BigInt(cells) > next) return undefined;
  const payload = ringBytes(ring, at + EVENT_HEAD_BYTES, kept);
  if (payload === undefined) return undefined;
  const type = ring.readUInt16LE(at + 28);
  const noted = {
    number: count(ring, at + 8),
    timeNs: ring.readBigUInt64LE(at + 16),
    reactor: ring.readUInt32LE(at + 24),
    type: type === 0xffff ? undefined : type,
    bytes: ring.readUInt32LE(at + 32),
    payload,
  };
  return { noted, cells };
}

/** Bytes that may go on at the ring's beginning. */
function ringBytes(ring: Buffer, at: number, bytes: number): Buffer | undefined {
  const end = RING.cells * RING.cellBytes;
  if (at + bytes <= end) return at + bytes <= ring.length ? ring.subarray(at, at + bytes) : undefined;
  return ring.length < end ? undefined : Buffer.concat([ring.subarray(at, end), ring.subarray(0, at + bytes - end)]);
}

function text(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

function count(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
