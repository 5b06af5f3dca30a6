// What packing and unpacking agree on (FORMAT.md §9).

export const MAGIC = Buffer.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]);
export const RECORD_HEADER_BYTES = 9;
/** Message: channel u16, sequence u32, log time u64, publish time u64, data. Offsets from the record's opcode. */
export const MESSAGE_LOG_TIME = 15;
export const MESSAGE_DATA = 31;

export const PROFILE = 'afterimage';
export const PACKED_VERSION = '1';
/** Metadata at the beginning: that this is a packed recording, and which. */
export const RECORDING_METADATA = 'afterimage.recording';
/** Metadata before the chunks of a segment: what its own Metadata says, and more under names that begin with `pack.`. */
export const SEGMENT_METADATA = 'afterimage.segment';
export const PACK_PREFIX = 'pack.';

export const CHUNK_BYTES = 4 << 20;
/** A chunk is as large as the largest event: that of a segment at most. */
export const CHUNK_BYTES_MAX = 1 << 30;
/** Attachments are compressed in frames with this much content: `zstd -d` reads them one after the other. */
export const FRAME_BYTES = 4 << 20;
export const ZSTD_SUFFIX = '.zst';
export const ZSTD_MEDIA_TYPE = 'application/zstd';

export const MODULES_FOLDER = 'modules';
/** Written by unpack when something could not be unpacked: what, in sentences. */
export const UNPACK_REPORT = 'unpacked.json';
