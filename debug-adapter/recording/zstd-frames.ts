// Compressed snapshots: Zstandard frames with a table of them at the end of the file (the seekable format; FORMAT.md §5). The first
// frame has the headers and notes of the ELF core, and so all that is wanted here. Sizes are claims: none is believed further
// than the file goes.

import { decompress } from 'fzstd';
import { type BoundedFile } from './bounded-file';
import { Damage } from './mcap';

/** What can be read like a file. */
export type Content = Pick<BoundedFile, 'bytes' | 'read'>;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5e;
const TABLE_MAGIC = 0x8f92eab1;
const [TABLE_HEAD_BYTES, TABLE_FOOT_BYTES] = [8, 9];
const HAS_CHECKSUMS = 0x80; // of the table's flags
/** Of the content of one frame; the recorder puts 4 MiB into one. */
const FRAME_CONTENT_MAX = 64 << 20;

interface Frame {
  readonly bytes: number;
  readonly contentBytes: number;
}

export const isCompressed = (file: BoundedFile): boolean => file.bytes >= 4 && file.read(0, 4).readUInt32LE(0) === FRAME_MAGIC;

/** As large as all that was compressed; of which the first frame can be read. Throws Damage. */
export function headOf(file: BoundedFile): Content {
  const frames = readTable(file);
  const first = frames[0] as Frame;
  const head = Buffer.alloc(first.contentBytes);
  try {
    decompress(file.read(0, first.bytes), head);
  } catch (error) {
    throw new Damage(`its first frame cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {
    bytes: frames.reduce((sum, { contentBytes }) => sum + contentBytes, 0),
    read: (offset, length) => head.subarray(Math.min(offset, head.length), Math.min(offset + length, head.length)),
  };
}

/** Whole: its frames fill the file. */
function readTable(file: BoundedFile): Frame[] {
  const foot = file.read(file.bytes - TABLE_FOOT_BYTES, TABLE_FOOT_BYTES);
  if (foot.length < TABLE_FOOT_BYTES || foot.readUInt32LE(5) !== TABLE_MAGIC)
    throw new Damage('it is cut off: the table of its frames, which comes last, is missing');
  const entryBytes = (foot.readUInt8(4) & HAS_CHECKSUMS) === 0 ? 8 : 12;
  const tableBytes = foot.readUInt32LE(0) * entryBytes + TABLE_FOOT_BYTES;
  const offset = file.bytes - tableBytes - TABLE_HEAD_BYTES;
  if (offset < 0) throw new Damage('its table has more frames than fit into it');
  const table = file.read(offset, tableBytes + TABLE_HEAD_BYTES);
  if (table.readUInt32LE(0) !== SKIPPABLE_MAGIC || table.readUInt32LE(4) !== tableBytes)
    throw new Damage('the table of its frames is damaged');
  const frames: Frame[] = [];
  for (let at = TABLE_HEAD_BYTES; at < table.length - TABLE_FOOT_BYTES; at += entryBytes)
    frames.push({ bytes: table.readUInt32LE(at), contentBytes: table.readUInt32LE(at + 4) });
  if (frames.some(({ contentBytes }) => contentBytes > FRAME_CONTENT_MAX)) throw new Damage('it has a frame of impossible size');
  if (frames.length === 0 || frames.reduce((sum, { bytes }) => sum + bytes, 0) !== offset)
    throw new Damage('it has another size than the table of its frames says');
  return frames;
}
