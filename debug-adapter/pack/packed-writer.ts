// Writes an indexed MCAP file from beginning to end, never going back, so that the bytes may as well go through a cipher:
//
//     magic  Header  { Metadata | Attachment | Chunk MessageIndex... }  DataEnd     the data section
//     Schema  Channel  Statistics  ChunkIndex  AttachmentIndex  MetadataIndex       the summary: where everything is
//     SummaryOffset...  Footer  magic
//
// Memory: one chunk, and about a hundred bytes for each chunk and attachment already written.

import * as zlib from 'node:zlib';
import { zstdCompress } from '../../native';
import { CHUNK_BYTES, MAGIC, MESSAGE_LOG_TIME, RECORD_HEADER_BYTES } from './layout';
import { map, Op, record, sized, text, u16, u32, u64, u8 } from './records';

export interface Sink {
  write(bytes: Buffer): Promise<void> | void;
}

export interface AttachmentHead {
  readonly name: string;
  readonly mediaType: string;
  readonly timeNs: bigint;
  /** Exactly what `content` amounts to. */
  readonly bytes: number;
}

interface TimeRange {
  first: bigint;
  last: bigint;
}

export class PackedWriter {
  private offset = 0;
  private crc = 0;
  private chunk = Buffer.allocUnsafe(CHUNK_BYTES + (64 << 10));
  private chunkBytes = 0;
  /** Of the messages in the chunk: where, and in which channel. */
  private readonly messages: { channel: number; at: number }[] = [];
  private readonly schemas = new Map<number, Buffer>();
  private readonly channels = new Map<number, Buffer>();
  private readonly messageCounts = new Map<number, bigint>();
  private readonly chunkIndexes: Buffer[] = [];
  private readonly attachmentIndexes: Buffer[] = [];
  private readonly metadataIndexes: Buffer[] = [];
  private range: TimeRange | undefined;

  constructor(private readonly sink: Sink) {}

  get bytesWritten(): number {
    return this.offset;
  }

  async begin(profile: string, library: string): Promise<void> {
    await this.emit(MAGIC);
    await this.emit(record(Op.Header, text(profile), text(library)));
  }

  async metadata(name: string, entries: Iterable<readonly [string, string]>): Promise<void> {
    const [at, bytes] = [this.offset, record(Op.Metadata, text(name), map(entries))];
    await this.emit(bytes);
    this.metadataIndexes.push(record(Op.MetadataIndex, u64(at), u64(bytes.length), text(name)));
  }

  async attachment(head: AttachmentHead, content: Iterable<Buffer>): Promise<void> {
    const at = this.offset;
    const fields = Buffer.concat([u64(head.timeNs), u64(head.timeNs), text(head.name), text(head.mediaType), u64(head.bytes)]);
    await this.emit(Buffer.concat([u8(Op.Attachment), u64(fields.length + head.bytes + 4), fields]));
    let crc = zlib.crc32(fields);
    let written = 0;
    for (const piece of content) {
      crc = zlib.crc32(piece, crc);
      written += piece.length;
      await this.emit(piece);
    }
    if (written !== head.bytes) throw new Error(`${head.name} has ${written} bytes, not ${head.bytes}: it changed while it was packed`);
    await this.emit(u32(crc));
    const times = [u64(head.timeNs), u64(head.timeNs)];
    const where = [u64(at), u64(this.offset - at), ...times, u64(head.bytes)];
    this.attachmentIndexes.push(record(Op.AttachmentIndex, ...where, text(head.name), text(head.mediaType)));
  }

  /** Into the chunk, each time that it is given; into the summary, once. */
  schema(id: number, content: Buffer): void {
    const bytes = record(Op.Schema, content);
    this.schemas.set(id, bytes);
    this.append(bytes, 0, bytes.length);
  }

  channel(id: number, content: Buffer): void {
    const bytes = record(Op.Channel, content);
    this.channels.set(id, bytes);
    this.append(bytes, 0, bytes.length);
  }

  /** A Message record as it is in `bytes`, but for another channel. */
  message(channel: number, bytes: Buffer, from: number, end: number): void {
    const at = this.append(bytes, from, end);
    this.chunk.writeUInt16LE(channel, at + RECORD_HEADER_BYTES);
    this.messages.push({ channel, at });
  }

  get chunkIsFull(): boolean {
    return this.chunkBytes >= CHUNK_BYTES;
  }

  async endChunk(): Promise<void> {
    if (this.chunkBytes === 0) return;
    const content = this.chunk.subarray(0, this.chunkBytes);
    const times = this.timesInChunk();
    const compressed = zstdCompress(content);
    const at = this.offset;
    const head = [u64(times.first), u64(times.last), u64(content.length), u32(zlib.crc32(content)), text('zstd'), u64(compressed.length)];
    await this.emit(record(Op.Chunk, ...head, compressed));
    const [chunkBytes, indexesAt] = [this.offset - at, this.offset];
    const offsets: Buffer[] = [];
    for (const [channel, entries] of this.indexEntries(content)) {
      offsets.push(u16(channel), u64(this.offset));
      await this.emit(record(Op.MessageIndex, u16(channel), u32(entries.length), entries));
    }
    const where = [u64(times.first), u64(times.last), u64(at), u64(chunkBytes), sized(...offsets), u64(this.offset - indexesAt)];
    this.chunkIndexes.push(record(Op.ChunkIndex, ...where, text('zstd'), u64(compressed.length), u64(content.length)));
    this.chunkBytes = 0;
    this.messages.length = 0;
    if (this.chunk.length > 2 * CHUNK_BYTES) this.chunk = Buffer.allocUnsafe(CHUNK_BYTES + (64 << 10)); // one huge event needed more
  }

  async end(): Promise<void> {
    await this.endChunk();
    await this.emit(record(Op.DataEnd, u32(this.crc)));
    const summaryAt = this.offset;
    const groups = this.summaryGroups();
    const offsets: Buffer[] = [];
    let at = summaryAt;
    for (const { opcode, bytes } of groups) {
      offsets.push(record(Op.SummaryOffset, u8(opcode), u64(at), u64(bytes.length)));
      at += bytes.length;
    }
    const summary = Buffer.concat([...groups.map(({ bytes }) => bytes), ...offsets]);
    const footer = Buffer.concat([u8(Op.Footer), u64(20), u64(summaryAt), u64(at)]);
    await this.emit(Buffer.concat([summary, footer, u32(zlib.crc32(footer, zlib.crc32(summary))), MAGIC]));
  }

  private summaryGroups(): { opcode: number; bytes: Buffer }[] {
    const group = (opcode: number, records: Iterable<Buffer>) => ({ opcode, bytes: Buffer.concat([...records]) });
    const groups = [
      group(Op.Schema, this.schemas.values()),
      group(Op.Channel, this.channels.values()),
      group(Op.Statistics, [this.statistics()]),
      group(Op.ChunkIndex, this.chunkIndexes),
      group(Op.AttachmentIndex, this.attachmentIndexes),
      group(Op.MetadataIndex, this.metadataIndexes),
    ];
    return groups.filter(({ bytes }) => bytes.length > 0);
  }

  private statistics(): Buffer {
    const total = [...this.messageCounts.values()].reduce((sum, count) => sum + count, 0n);
    const counts = [...this.messageCounts].flatMap(([channel, count]) => [u16(channel), u64(count)]);
    const things = [this.channels, this.attachmentIndexes, this.metadataIndexes, this.chunkIndexes].map((list) =>
      u32('size' in list ? list.size : list.length),
    );
    const { first = 0n, last = 0n } = this.range ?? {};
    return record(Op.Statistics, u64(total), u16(this.schemas.size), ...things, u64(first), u64(last), sized(...counts));
  }

  /** Times rise within a reactor, and a chunk holds only one reactor's messages; a damaged recording may be otherwise. */
  private timesInChunk(): TimeRange {
    if (this.messages.length === 0) return { first: 0n, last: 0n };
    const times: TimeRange = { first: 0xffff_ffff_ffff_ffffn, last: 0n };
    for (const { at } of this.messages) {
      const time = this.chunk.readBigUInt64LE(at + MESSAGE_LOG_TIME);
      if (time < times.first) times.first = time;
      if (time > times.last) times.last = time;
    }
    const { first, last } = this.range ?? times;
    this.range = { first: times.first < first ? times.first : first, last: times.last > last ? times.last : last };
    return times;
  }

  /** By channel, in the order of channels: time and place of each message. */
  private indexEntries(content: Buffer): [channel: number, entries: Buffer][] {
    const counts = new Map<number, number>();
    for (const { channel } of this.messages) counts.set(channel, (counts.get(channel) ?? 0) + 1);
    const entries = new Map([...counts].map(([channel, count]) => [channel, { bytes: Buffer.alloc(16 * count), used: 0 }]));
    for (const { channel, at } of this.messages) {
      const entry = entries.get(channel) as { bytes: Buffer; used: number };
      content.copy(entry.bytes, entry.used, at + MESSAGE_LOG_TIME, at + MESSAGE_LOG_TIME + 8);
      entry.bytes.writeUInt32LE(at, entry.used + 8);
      entry.used += 16;
    }
    for (const [channel, count] of counts) this.messageCounts.set(channel, (this.messageCounts.get(channel) ?? 0n) + BigInt(count));
    return [...entries].map(([channel, { bytes }]): [number, Buffer] => [channel, bytes]).sort(([a], [b]) => a - b);
  }

  /** Where in the chunk it is now. */
  private append(bytes: Buffer, from: number, end: number): number {
    const at = this.chunkBytes;
    const needed = at + end - from;
    if (needed > this.chunk.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.chunk.length));
      this.chunk.copy(larger, 0, 0, at);
      this.chunk = larger;
    }
    bytes.copy(this.chunk, at, from, end);
    this.chunkBytes = needed;
    return at;
  }

  private async emit(bytes: Buffer): Promise<void> {
    this.crc = zlib.crc32(bytes, this.crc);
    this.offset += bytes.length;
    await this.sink.write(bytes);
  }
}
