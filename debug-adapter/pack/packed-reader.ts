// The records of a packed recording, from beginning to end, read with suspicion: sizes are claims, and checksums are compared.
// The summary is for other tools; who wants everything does not need it, and so loses nothing when a copy ends early.

import * as zlib from 'node:zlib';
import { zstdDecompress } from '../../native';
import { type BoundedFile, Damage, Fields } from '../recording';
import { decompressed, piecesOfRange } from './compressed';
import { CHUNK_BYTES_MAX, MAGIC, RECORD_HEADER_BYTES, ZSTD_MEDIA_TYPE, ZSTD_SUFFIX } from './layout';
import { Op } from './records';

const SMALL_RECORD_BYTES_MAX = 16 << 20;
const ATTACHMENT_HEAD_BYTES_MAX = 64 << 10;

export interface RecordAt {
  readonly opcode: number;
  /** Of its content. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Attachment {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly compressed: boolean;
  /** Its checksum: of its own fields, continued over the data. */
  readonly fieldsCrc: number;
  readonly crc: number;
}

export class PackedReader {
  constructor(private readonly file: BoundedFile) {}

  /** Throws Damage where the file is not what it should be; what came before is good. Ends at DataEnd. */
  *records(): Generator<RecordAt> {
    if (!this.file.read(0, MAGIC.length).equals(MAGIC)) throw new Damage('it does not begin as an MCAP file');
    for (let at = MAGIC.length; ;) {
      const head = this.file.read(at, RECORD_HEADER_BYTES);
      if (head.length < RECORD_HEADER_BYTES) throw new Damage(`it ends at byte ${this.file.bytes}, before its last record`);
      const bytes = Number(head.readBigUInt64LE(1));
      const offset = at + RECORD_HEADER_BYTES;
      if (bytes > this.file.bytes - offset) throw new Damage(`it ends inside a record of ${bytes} bytes at byte ${at}`);
      yield { opcode: head[0] as number, offset, bytes };
      if (head[0] === Op.DataEnd) return;
      at = offset + bytes;
    }
  }

  /** Of everything before a record. */
  crcBefore(record: RecordAt): number {
    let crc = 0;
    for (const piece of piecesOfRange(this.file, 0, record.offset - RECORD_HEADER_BYTES)) crc = zlib.crc32(piece, crc);
    return crc;
  }

  fields(record: RecordAt): Fields {
    if (record.bytes > SMALL_RECORD_BYTES_MAX) throw new Damage(`it has a record of ${record.bytes} bytes at byte ${record.offset}`);
    return new Fields(this.file.read(record.offset, record.bytes));
  }

  /** The records in a chunk. */
  chunk(record: RecordAt): Buffer {
    const head = new Fields(this.file.read(record.offset, Math.min(record.bytes, 64)));
    head.u64();
    head.u64();
    const [claimed, crc, compression, stored] = [Number(head.u64()), head.u32(), head.text(), Number(head.u64())];
    const from = 8 + 8 + 8 + 4 + 4 + compression.length + 8;
    if (compression !== 'zstd' || stored !== record.bytes - from) throw new Damage('the head of a chunk is not valid');
    if (claimed > CHUNK_BYTES_MAX) throw new Damage(`a chunk claims to hold ${claimed} bytes`);
    const content = this.inflated(record.offset + from, stored, claimed);
    if (content.length !== claimed || zlib.crc32(content) !== crc) throw new Damage('the checksum of a chunk is wrong');
    return content;
  }

  private inflated(offset: number, stored: number, mostBytes: number): Buffer {
    try {
      return zstdDecompress(this.file.read(offset, stored), mostBytes).content;
    } catch (error) {
      if (error instanceof RangeError) throw new Damage(`a chunk cannot be decompressed: ${error.message}`);
      throw error;
    }
  }

  attachment(record: RecordAt): Attachment {
    const head = this.file.read(record.offset, Math.min(record.bytes, ATTACHMENT_HEAD_BYTES_MAX));
    const fields = new Fields(head);
    fields.u64();
    fields.u64();
    const [name, mediaType, bytes] = [fields.text(), fields.text(), Number(fields.u64())];
    const headBytes = record.bytes - bytes - 4;
    if (headBytes !== fields.position) throw new Damage(`the attachment ${JSON.stringify(name)} has another size than it says`);
    const offset = record.offset + headBytes;
    const compressed = mediaType === ZSTD_MEDIA_TYPE && name.endsWith(ZSTD_SUFFIX);
    const crc = this.file.read(offset + bytes, 4).readUInt32LE(0);
    const plain = compressed ? name.slice(0, -ZSTD_SUFFIX.length) : name;
    return { name: plain, offset, bytes, compressed, fieldsCrc: zlib.crc32(head.subarray(0, headBytes)), crc };
  }

  /** Throws Damage when its checksum is wrong, or it cannot be decompressed. */
  *content({ offset, bytes, compressed, fieldsCrc, crc }: Attachment): Generator<Buffer> {
    let found = fieldsCrc;
    for (const piece of piecesOfRange(this.file, offset, bytes)) found = zlib.crc32(piece, found);
    if (found !== crc) throw new Damage('its checksum is wrong');
    if (!compressed) return yield* piecesOfRange(this.file, offset, bytes);
    try {
      yield* decompressed(this.file, offset, bytes);
    } catch (error) {
      if (error instanceof RangeError) throw new Damage(`it cannot be decompressed: ${error.message}`);
      throw error;
    }
  }
}
