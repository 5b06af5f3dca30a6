// A segment, restored: its own head, its records with the channel numbers they had, sealed (FORMAT.md §4). One that was sealed
// when it was packed comes back byte for byte.

import * as fs from 'node:fs';
import * as zlib from 'node:zlib';
import { Damage } from '../recording';
import { original, readChannelFields } from './channel-map';
import { MAGIC, PACK_PREFIX, PROFILE, RECORD_HEADER_BYTES, SEGMENT_METADATA } from './layout';
import { map, Op, record, text, u16, u32, u64 } from './records';

export class SegmentWriter {
  private readonly descriptor: number;
  private crc = 0;
  /** By number in the packed file. A schema waits for its channel, which knows the number it had. */
  private readonly schemas = new Map<number, Buffer>();
  private readonly channels = new Map<number, number>();

  constructor(
    readonly path: string,
    private readonly metadata: ReadonlyMap<string, string>,
  ) {
    this.descriptor = fs.openSync(path, 'wx', 0o600);
    const own = [...metadata].filter(([key]) => !key.startsWith(PACK_PREFIX));
    const library = metadata.get(`${PACK_PREFIX}library`) ?? '';
    const header = record(Op.Header, text(PROFILE), text(library));
    this.write(Buffer.concat([MAGIC, header, record(Op.Metadata, text(SEGMENT_METADATA), map(own))]));
  }

  /** Takes in the records of a chunk. Throws Damage for what cannot be in one; what came before is written. */
  chunk(bytes: Buffer): void {
    const out: Buffer[] = [];
    try {
      for (let at = 0; at < bytes.length;) {
        const next = endOfRecord(bytes, at);
        this.record(bytes.subarray(at, next), out);
        at = next;
      }
    } finally {
      this.write(Buffer.concat(out));
    }
  }

  private record(bytes: Buffer, out: Buffer[]): void {
    const content = bytes.subarray(RECORD_HEADER_BYTES);
    if (bytes[0] === Op.Message) {
      const channel = this.channels.get(content.readUInt16LE(0));
      if (channel === undefined) throw new Damage(`a message has the unknown channel ${content.readUInt16LE(0)}`);
      content.writeUInt16LE(channel, 0);
      out.push(bytes);
    } else if (bytes[0] === Op.Schema) {
      this.schemas.set(content.readUInt16LE(0), content);
    } else if (bytes[0] === Op.Channel) {
      this.channel(content, out);
    }
  }

  private channel(content: Buffer, out: Buffer[]): void {
    const packed = readChannelFields(content);
    const was = original(packed);
    const schema = this.schemas.get(packed.schema);
    if (schema !== undefined && !this.channels.has(packed.id)) out.push(record(Op.Schema, u16(was.schema), schema.subarray(2)));
    this.channels.set(packed.id, was.id);
    out.push(record(Op.Channel, was.content));
  }

  /** Seals it. With the checksum it had, right or wrong: damage must not look like health afterwards. */
  end(): void {
    const stated = this.metadata.get(`${PACK_PREFIX}crc`);
    const crc = stated === undefined ? this.crc : Number(stated) >>> 0;
    this.write(Buffer.concat([record(Op.DataEnd, u32(crc)), record(Op.Footer, u64(0), u64(0), u32(0)), MAGIC]));
    fs.closeSync(this.descriptor);
  }

  /** Leaves it as a process leaves a segment that it did not finish. */
  breakOff(): void {
    fs.closeSync(this.descriptor);
  }

  private write(bytes: Buffer): void {
    this.crc = zlib.crc32(bytes, this.crc);
    for (let at = 0; at < bytes.length;) at += fs.writeSync(this.descriptor, bytes, at);
  }
}

function endOfRecord(bytes: Buffer, at: number): number {
  const left = bytes.length - at - RECORD_HEADER_BYTES;
  const length = left < 0 ? NaN : Number(bytes.readBigUInt64LE(at + 1));
  if (!(length >= 2 && length <= left)) throw new Damage('a record in a chunk is cut off');
  return at + RECORD_HEADER_BYTES + length;
}
