// Attachments are compressed in frames of a fixed content, so that neither side ever holds more than one. MCAP wants to know the
// size of an attachment before its bytes: they wait in a file without a name.

import * as fs from 'node:fs';
import { zstdCompress, zstdDecompress } from '../../native';
import { type BoundedFile } from '../recording';
import { FRAME_BYTES } from './layout';

const READ_BYTES = 1 << 20;
/** More than a frame of incompressible content has. */
const FRAME_ROOM = FRAME_BYTES + (64 << 10);

export interface Waiting {
  readonly bytes: number;
  pieces(): Generator<Buffer>;
  close(): void;
}

/** Compresses a file. `beside` is the file being written: there is room for it, so there is for this. */
export function compressed(file: BoundedFile, beside: string): Waiting {
  const name = `${beside}.part`;
  const descriptor = fs.openSync(name, 'wx+', 0o600);
  fs.unlinkSync(name);
  let bytes = 0;
  try {
    for (const piece of piecesOf(file, FRAME_BYTES)) bytes += fs.writeSync(descriptor, zstdCompress(piece));
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
  return { bytes, pieces: () => written(descriptor, bytes), close: () => fs.closeSync(descriptor) };
}

export const piecesOf = (file: BoundedFile, pieceBytes = READ_BYTES) => piecesOfRange(file, 0, file.bytes, pieceBytes);

export function* piecesOfRange(file: BoundedFile, offset: number, bytes: number, pieceBytes = READ_BYTES): Generator<Buffer> {
  for (let at = 0; at < bytes; at += pieceBytes) yield file.read(offset + at, Math.min(pieceBytes, bytes - at));
}

function* written(descriptor: number, bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += READ_BYTES) {
    const piece = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - at));
    fs.readSync(descriptor, piece, 0, piece.length, at);
    yield piece;
  }
}

/** The content of the frames in `bytes` bytes from `offset`. Throws a RangeError for what are none. */
export function* decompressed(file: BoundedFile, offset: number, bytes: number): Generator<Buffer> {
  const end = offset + bytes;
  for (let at = offset; at < end;) {
    const { content, frameBytes } = zstdDecompress(file.read(at, Math.min(FRAME_ROOM, end - at)), FRAME_BYTES);
    yield content;
    at += frameBytes;
  }
}
