/**
 * What Node cannot do by itself: the launcher of replayers, and bulk work on memory.
 *
 * This is the only file that loads the binary. It is compiled to `out/native/` and bundled into `dist/<part>/`, both two
 * levels below the root, so that one relative path finds the binary from tests, from bundles and in the installed extension.
 * Without the binary everything that reads recordings still works: it is loaded, and its absence told, on first use.
 */
import fs from 'node:fs';
import path from 'node:path';

/** Pages `first` to `first + count - 1`. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/** Bytes in memory, or in a file from `offset` on (to its end unless `bytes` is given). */
export type Bytes = Buffer | { readonly path: string; readonly offset: number; readonly bytes?: number };

interface Binary {
  readProcessMemory(pid: number, address: bigint, into: Buffer): [bytes: number, errno: number, reason: string];
  findPageDifferences(a: Buffer, b: Buffer, pageBytes: number): number[];
  zstdBound(bytes: number): number;
  zstdCompress(content: Buffer, into: Buffer, level: number): ZstdAnswer;
  zstdContentBytes(source: Buffer): number;
  zstdDecompress(source: Buffer, into: Buffer): ZstdAnswer;
}

type ZstdAnswer = [bytes: number, consumed: number, error: string];

const release = path.resolve(__dirname, '../../native/build/Release');
const addonFile = path.join(release, 'afterimage.node');
const addressLimit = 1n << 64n;

let binary: Binary | undefined;

/** Whether the functions below can be used; false in a checkout that was not built. */
export function nativeAvailable(): boolean {
  return binary !== undefined || fs.existsSync(addonFile);
}

/** The launcher's executable; throws when it has not been built. */
export function launcherPath(): string {
  return built(path.join(release, 'afterimage-launch'));
}

/**
 * Memory of another process of the same user, without stopping it: the readable bytes from `address` on, at most `bytes`.
 * Throws when not even the first byte is readable.
 */
export function readProcessMemory(pid: number, address: bigint, bytes: number): Buffer {
  checkPid(pid);
  checkAddress(address);
  checkCount('number of bytes', bytes);
  const into = Buffer.allocUnsafe(bytes);
  const [got, errno, reason] = load().readProcessMemory(pid, address, into);
  if (got === 0 && errno !== 0) {
    throw new Error(
      `Memory of process ${pid} at 0x${address.toString(16)} (${bytes} bytes) is not readable: ${reason}. ${adviceFor(reason)}`,
    );
  }
  return into.subarray(0, got);
}

/** The pages in which `a` and `b`, two states of the same memory, differ. */
export function findDifferences(a: Bytes, b: Bytes, pageBytes = 4096): PageRun[] {
  checkCount('page size', pageBytes);
  if (pageBytes === 0) throw new RangeError('The page size must not be 0.');
  const [left, right] = [bufferOf(a), bufferOf(b)];
  if (left.length !== right.length) {
    throw new RangeError(`Only ranges of the same size can be compared, not ${left.length} and ${right.length} bytes.`);
  }
  const flat = load().findPageDifferences(left, right, pageBytes);
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ first: flat[2 * i] ?? 0, count: flat[2 * i + 1] ?? 0 }));
}

/** One Zstandard frame. The same content gives the same bytes, on every machine. */
export function zstdCompress(content: Buffer, level = 3): Buffer {
  const into = Buffer.allocUnsafe(load().zstdBound(content.length));
  const [bytes, , error] = load().zstdCompress(content, into, level);
  if (error !== '') throw new Error(`${content.length} bytes could not be compressed: ${error}.`);
  return into.subarray(0, bytes);
}

/**
 * The content of the first Zstandard frame in `source`, and how many bytes the frame has. Throws a RangeError for what is no
 * such frame, or holds more than `mostBytes`.
 */
export function zstdDecompress(source: Buffer, mostBytes: number): { content: Buffer; frameBytes: number } {
  checkCount('number of bytes', mostBytes);
  const claimed = load().zstdContentBytes(source);
  if (claimed > mostBytes) throw new RangeError(`it is no Zstandard frame of at most ${mostBytes} bytes`);
  const into = Buffer.allocUnsafe(claimed);
  const [bytes, frameBytes, error] = load().zstdDecompress(source, into);
  if (error !== '') throw new RangeError(`Zstandard reports "${error}"`);
  return { content: into.subarray(0, bytes), frameBytes };
}

function load(): Binary {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a .node file has no other loader
  binary ??= require(built(addonFile)) as Binary;
  return binary;
}

function built(file: string): string {
  if (fs.existsSync(file)) return file;
  throw new Error(`${file} is missing: this copy of Afterimage has no native part. Run "npm run build" (needs CMake and g++).`);
}

function bufferOf(bytes: Bytes): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  const file = fs.openSync(bytes.path, 'r');
  try {
    const wanted = bytes.bytes ?? Math.max(0, fs.fstatSync(file).size - bytes.offset);
    const buffer = Buffer.allocUnsafe(wanted);
    const got = fs.readSync(file, buffer, 0, wanted, bytes.offset);
    if (got === wanted) return buffer;
    throw new RangeError(`${bytes.path} has only ${got} of ${wanted} bytes from offset ${bytes.offset} on; it may be truncated.`);
  } finally {
    fs.closeSync(file);
  }
}

function adviceFor(reason: string): string {
  if (reason.includes('No such process')) return 'It has ended.';
  if (reason.includes('not permitted')) return 'It belongs to another user, or kernel.yama.ptrace_scope forbids it.';
  return 'Nothing is mapped there.';
}

function checkPid(pid: number): void {
  if (!Number.isInteger(pid) || pid <= 0 || pid > 0x7fffffff) throw new RangeError(`${pid} is no process id.`);
}

function checkAddress(address: bigint): void {
  if (typeof address !== 'bigint' || address < 0n || address >= addressLimit) {
    throw new RangeError(`${address} is no 64-bit address (a bigint is expected).`);
  }
}

function checkCount(what: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`The ${what} must be a whole number from 0 on, not ${count}.`);
}
