// The segments of one reactor. Opening reads the head of each; a segment is scanned when an event in it is wanted. Indexes
// stay (8 bytes an event), bytes are dropped again when too many segments hold theirs.

import * as fs from 'node:fs';
import * as zlib from 'node:zlib';
import { BoundedFile, reasonOf } from './bounded-file';
import { UserError } from './errors';
import { Damage, MAGIC, readSegmentHead, type SegmentHead } from './mcap';
import { indexSegment, type SegmentBytes, type SegmentIndex } from './segment-index';

const HEAD_BYTES = 4096;
const FIRST_READ_BYTES = 256 << 10;
/** Offsets are 32 bits; a recorder makes segments of 16 or 64 MiB. */
const SEGMENT_BYTES_MAX = 1 << 30;
const ROOM_BYTES = 64 << 20;
const CACHE_BYTES = 192 << 20;

/** The bytes of the segments read last. */
export class SegmentCache {
  private readonly held = new Map<string, Buffer>();
  private bytes = 0;

  get(path: string): Buffer | undefined {
    const found = this.held.get(path);
    if (found === undefined) return undefined;
    this.held.delete(path);
    this.held.set(path, found); // the newest again
    return found;
  }

  put(path: string, buffer: Buffer): void {
    this.held.set(path, buffer);
    this.bytes += buffer.length;
    for (const [oldest, bytes] of this.held) {
      if (this.bytes <= CACHE_BYTES || oldest === path) break;
      this.held.delete(oldest);
      this.bytes -= bytes.length;
    }
  }

  clear(): void {
    this.held.clear();
    this.bytes = 0;
  }
}

export class Segment {
  private scanned: SegmentIndex | undefined;

  constructor(
    readonly path: string,
    readonly fileBytes: number,
    readonly head: SegmentHead,
    /** It ends as the recorder ends a full segment; so it has not been cut off since. */
    readonly isSealed: boolean,
    private readonly cache: SegmentCache,
  ) {}

  get index(): SegmentIndex {
    this.scanned ??= this.scan();
    return this.scanned;
  }

  /** The index, if somebody wanted it already. */
  get indexIfScanned(): SegmentIndex | undefined {
    return this.scanned;
  }

  /** The records, as far as they are part of the recording. */
  bytes(): Buffer {
    const held = this.cache.get(this.path);
    if (held !== undefined) return held;
    const bytes = BoundedFile.with(this.path, (file) => file.read(0, this.index.usedBytes));
    this.cache.put(this.path, bytes);
    return bytes;
  }

  /** Compares the CRC of a sealed segment with its bytes; the sentence names the segment. */
  verify(): string | undefined {
    const sealed = this.index.sealed;
    if (sealed === undefined || sealed.crc === 0) return undefined;
    const found = zlib.crc32(this.bytes().subarray(0, sealed.dataBytes));
    return found === sealed.crc
      ? undefined
      : `${shortPath(this.path)} is damaged: its checksum is ${hex(found)} instead of ${hex(sealed.crc)}.`;
  }

  private scan(): SegmentIndex {
    if (this.fileBytes > SEGMENT_BYTES_MAX)
      return unusable(this.head.firstEvent, `it has ${this.fileBytes} bytes, more than a segment may have`);
    return BoundedFile.with(this.path, (file) => {
      const source = new GrowingBytes(file);
      const index = indexSegment(source, this.head.firstEvent);
      this.cache.put(this.path, source.taken(index.usedBytes));
      return index;
    });
  }
}

/** What lies in the directory of a reactor. */
export interface SegmentList {
  readonly segments: Segment[];
  /** Of files that were prepared, but never begun. */
  readonly preparedBytes: number;
  readonly problems: string[];
}

/** Reads the head of every segment. `uuid` is the recording's: a file copied in from another one is left out. */
export function listSegments(directory: string, reactor: number, uuid: string, cache: SegmentCache): SegmentList {
  const segments: Segment[] = [];
  const problems: string[] = [];
  let preparedBytes = 0;
  for (const name of segmentNames(directory, problems)) {
    const path = `${directory}/${name}`;
    try {
      const segment = openSegment(path, reactor, uuid, cache);
      if (typeof segment === 'number') preparedBytes += segment;
      else segments.push(segment);
    } catch (error) {
      if (!(error instanceof Damage || error instanceof UserError)) throw error;
      problems.push(error instanceof Damage ? `${shortPath(path)} is skipped: ${error.message}.` : error.message);
    }
  }
  return { segments: inOrder(segments), preparedBytes, problems };
}

function segmentNames(directory: string, problems: string[]): string[] {
  try {
    return fs
      .readdirSync(directory)
      .filter((name) => /^ev-\d{8,}\.mcap$/.test(name))
      .sort();
  } catch (error) {
    problems.push(`${shortPath(directory)} cannot be read: ${reasonOf(error)}.`);
    return [];
  }
}

/** Only its size for a segment that was prepared, but never begun. */
function openSegment(path: string, reactor: number, uuid: string, cache: SegmentCache): Segment | number {
  const { head, tail, bytes } = BoundedFile.with(path, (file) => ({
    head: file.read(0, HEAD_BYTES),
    tail: file.read(Math.max(0, file.bytes - MAGIC.length), MAGIC.length),
    bytes: file.bytes,
  }));
  const segment = readSegmentHead(head);
  if (segment === undefined) return bytes;
  if (segment.uuid !== uuid) throw new Damage('it belongs to another recording');
  if (segment.reactor !== reactor) throw new Damage(`it belongs to reactor ${segment.reactor}`);
  return new Segment(path, bytes, segment, tail.equals(MAGIC), cache);
}

/** By event, not by number: an event larger than a segment gets one of its own, while the next one waits prepared already. */
const inOrder = (segments: Segment[]): Segment[] =>
  segments.sort((a, b) => a.head.firstEvent - b.head.firstEvent || a.head.segment - b.head.segment);

/** Room for all of a file of the usual size is reserved at once: what is never read into it costs no memory, and nothing is copied. */
class GrowingBytes implements SegmentBytes {
  bytes: Buffer;
  private room: Buffer;

  constructor(private readonly file: BoundedFile) {
    this.room = Buffer.allocUnsafeSlow(Math.min(file.bytes, ROOM_BYTES));
    this.bytes = this.room.subarray(0, 0);
    this.readTo(Math.min(file.bytes, FIRST_READ_BYTES));
  }

  ensure(end: number): boolean {
    if (end > this.file.bytes) return false;
    this.readTo(Math.min(this.file.bytes, Math.max(end, this.bytes.length * 4)));
    return this.bytes.length >= end;
  }

  /** The bytes before `end`, without a room that is mostly empty. */
  taken(end: number): Buffer {
    const taken = this.bytes.subarray(0, end);
    return end * 2 < this.room.length ? Buffer.from(taken) : taken;
  }

  private readTo(end: number): void {
    const known = this.bytes.length;
    if (end > this.room.length) {
      this.room = Buffer.allocUnsafeSlow(end);
      this.bytes.copy(this.room);
    }
    this.bytes = this.room.subarray(0, known + this.file.readInto(this.room, known, known, end - known));
  }
}

function unusable(firstEvent: number, damage: string): SegmentIndex {
  const empty = indexSegment({ bytes: Buffer.alloc(0), ensure: () => false }, firstEvent);
  return { ...empty, damage };
}

/** r0/ev-00000001.mcap: as the user sees it in the recording. */
export const shortPath = (path: string): string => path.split('/').slice(-2).join('/');
const hex = (crc: number) => crc.toString(16).padStart(8, '0');
