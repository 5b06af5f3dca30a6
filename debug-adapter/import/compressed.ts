// Compressed cores, as systemd-coredump and people make them. Decompressed as a stream into a sparse file: a core is mostly
// zeros, and may be larger than memory.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { reasonOf } from '../recording';
import { ElfCore } from './core';
import { cannotWrite, damagedCompression, decompressorMissing } from './errors';

export type Compression = 'zstd' | 'lz4' | 'xz' | 'gzip';

const MAGICS: readonly (readonly [Compression, Buffer])[] = [
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['lz4', Buffer.from([0x04, 0x22, 0x4d, 0x18])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['gzip', Buffer.from([0x1f, 0x8b])],
];
const APT_PACKAGES = { zstd: 'zstd', lz4: 'lz4', xz: 'xz-utils', gzip: 'gzip' } as const;
const BLOCK_BYTES = 4096;
/** By then headers, notes and the recorder's block are there. */
const PREFIX_BYTES = 4 << 20;

export function compressionOf(head: Buffer): Compression | undefined {
  return MAGICS.find(([, magic]) => head.subarray(0, magic.length).equals(magic))?.[0];
}

/**
 * Decompresses to `target`. What is damaged or cut off at its end still gives its beginning: the sentence says so. `onPrefix` is
 * called once, when enough is there for a summary.
 */
export async function decompress(
  source: string,
  target: string,
  compression: Compression,
  onPrefix: () => void,
): Promise<string | undefined> {
  const writer = new SparseFile(target, onPrefix);
  let problem: string | undefined;
  try {
    await pipeline(decompressed(source, compression), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        writer.append(chunk);
        if (writer.isComplete) return;
      }
    });
  } catch (error) {
    if (!writer.isComplete) problem = wordsOf(error, source, compression);
  } finally {
    writer.close();
  }
  if (writer.bytes === 0) throw damagedCompression(source, problem ?? 'it is empty');
  return problem === undefined ? undefined : `The ${compression} data ends early or is damaged (${problem}): the core is not whole.`;
}

function wordsOf(error: unknown, source: string, compression: Compression): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall?.startsWith('spawn'))
    throw decompressorMissing(compression, toolOf(compression), APT_PACKAGES[compression]);
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw cannotWrite(source, 'the disk is full');
  return error instanceof Error ? error.message.trim() : String(error);
}

function decompressed(source: string, compression: Compression): Readable {
  if (compression === 'gzip') return piped(fs.createReadStream(source), zlib.createGunzip());
  const zstd = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress;
  if (compression === 'zstd' && zstd !== undefined) return piped(fs.createReadStream(source), zstd());
  if (compression === 'zstd' && !isInstalled('zstd')) return piped(fs.createReadStream(source), zstdInJavaScript());
  return fromTool(source, compression);
}

function piped(input: Readable, transform: Transform): Readable {
  input.on('error', (error) => transform.destroy(error));
  return input.pipe(transform);
}

function zstdInJavaScript(): Transform {
  const out = new PassThrough();
  const decoder = new Decompress((chunk) => void out.push(chunk));
  // No more than one piece of input is decoded at a time: PassThrough.write would queue without bound.
  out._transform = (chunk: Uint8Array, _encoding, done) => settle(() => decoder.push(chunk), done);
  out._flush = (done) => settle(() => decoder.push(new Uint8Array(0), true), done);
  return out;
}

function settle(work: () => void, done: (error?: Error) => void): void {
  try {
    work();
  } catch (error) {
    return done(error instanceof Error ? error : new Error(String(error)));
  }
  done();
}

const toolOf = (compression: Compression) => (compression === 'gzip' ? 'gzip' : compression);

function fromTool(source: string, compression: Compression): Readable {
  const options = compression === 'zstd' ? ['--long=31'] : [];
  const tool = spawn(toolOf(compression), ['-d', '-c', ...options, '--', source], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  const out = new PassThrough();
  tool.stderr.on('data', (data: Buffer) => (words = (words + data.toString('utf8')).slice(0, 500)));
  tool.on('error', (error) => out.destroy(error));
  tool.on('close', (code) =>
    code === 0 ? out.end() : out.destroy(new Error(words.trim().replaceAll(/\s+/g, ' ') || `${compression} ended with ${code}`)),
  );
  tool.stdout.pipe(out, { end: false });
  out.on('close', () => tool.kill());
  return out;
}

const isInstalled = (tool: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((directory) => directory !== '' && fs.existsSync(`${directory}/${tool}`));

/** Pages of zeros become holes. Stops where the headers of the core say it ends. */
class SparseFile {
  bytes = 0;
  private readonly descriptor: number;
  private expected = Infinity;
  private pending: Buffer = Buffer.alloc(0);

  constructor(
    private readonly path: string,
    private readonly onPrefix: () => void,
  ) {
    try {
      this.descriptor = fs.openSync(path, 'w', 0o600);
    } catch (error) {
      throw cannotWrite(path, reasonOf(error));
    }
  }

  get isComplete(): boolean {
    return this.bytes >= this.expected;
  }

  append(chunk: Buffer): void {
    const all = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    const whole = all.length - (all.length % BLOCK_BYTES);
    for (let at = 0; at < whole;) at = this.writeRun(all, at, whole);
    this.pending = Buffer.from(all.subarray(whole));
    const before = this.bytes;
    this.bytes += chunk.length;
    if (before < PREFIX_BYTES && this.bytes >= PREFIX_BYTES) this.prefixIsThere();
  }

  close(): void {
    if (this.pending.length > 0) fs.writeSync(this.descriptor, this.pending, 0, this.pending.length, this.bytes - this.pending.length);
    fs.ftruncateSync(this.descriptor, Math.min(this.bytes, this.expected));
    fs.closeSync(this.descriptor);
  }

  /** A run of blocks that are all zeros, or all not. */
  private writeRun(all: Buffer, from: number, end: number): number {
    const zero = isZero(all, from);
    let to = from + BLOCK_BYTES;
    while (to < end && isZero(all, to) === zero) to += BLOCK_BYTES;
    const position = this.bytes - this.pending.length + from;
    for (let at = from; !zero && at < to;) at += fs.writeSync(this.descriptor, all, at, to - at, position + at - from);
    return to;
  }

  private prefixIsThere(): void {
    fs.ftruncateSync(this.descriptor, this.bytes);
    this.expected = expectedBytes(this.path) ?? Infinity;
    this.onPrefix();
  }
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);
const isZero = (buffer: Buffer, at: number) => ZEROS.compare(buffer, at, at + BLOCK_BYTES) === 0;

function expectedBytes(path: string): number | undefined {
  try {
    const core = ElfCore.open(path);
    core.close();
    return Number.isSafeInteger(core.expectedBytes) ? core.expectedBytes : undefined;
  } catch {
    return undefined; // not a core: said later, when all is there
  }
}
