// A file of a recording, read with suspicion: never more bytes than it has, whatever a header claims, and never
// anything but a regular file (a pipe of the same name would make the reader wait for ever).

import * as fs from 'node:fs';
import { notReadable } from './errors';

export class BoundedFile {
  private constructor(
    private readonly descriptor: number,
    readonly path: string,
    readonly bytes: number,
  ) {}

  static open(path: string): BoundedFile {
    const descriptor = openDescriptor(path);
    const stat = fs.fstatSync(descriptor);
    if (stat.isFile()) return new BoundedFile(descriptor, path, stat.size);
    fs.closeSync(descriptor);
    throw notReadable(path, 'it is not a regular file');
  }

  /** Opens, hands out, and closes in any case. */
  static with<T>(path: string, use: (file: BoundedFile) => T): T {
    const file = BoundedFile.open(path);
    try {
      return use(file);
    } finally {
      fs.closeSync(file.descriptor);
    }
  }

  close(): void {
    fs.closeSync(this.descriptor);
  }

  /** The bytes from `offset`; fewer than asked for where the file ends earlier. */
  read(offset: number, length: number): Buffer {
    const there = Math.max(0, Math.min(length, this.bytes - offset));
    const buffer = Buffer.allocUnsafe(there);
    return buffer.subarray(0, this.readInto(buffer, 0, offset, there));
  }

  readInto(buffer: Buffer, at: number, offset: number, length: number): number {
    let done = 0;
    while (done < length) {
      const read = this.readOnce(buffer, at + done, offset + done, length - done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  private readOnce(buffer: Buffer, at: number, offset: number, length: number): number {
    try {
      return fs.readSync(this.descriptor, buffer, at, length, offset);
    } catch (error) {
      throw notReadable(this.path, reasonOf(error));
    }
  }
}

/** The whole of a small text file; `undefined` when it does not exist. */
export function readSmallFile(path: string, mostBytes: number): Buffer | undefined {
  if (!fs.existsSync(path)) return undefined;
  return BoundedFile.with(path, (file) => {
    if (file.bytes > mostBytes) throw notReadable(path, `it has ${file.bytes} bytes, more than the ${mostBytes} it may have`);
    return file.read(0, file.bytes);
  });
}

const REASONS: Record<string, string> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EIO: 'input/output error of the disk',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
};

/** An operating system error in words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return (code !== undefined ? REASONS[code] : undefined) ?? code ?? String(error);
}

function openDescriptor(path: string): number {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    throw notReadable(path, reasonOf(error));
  }
}
