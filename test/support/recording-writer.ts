// Writes the other files of a recording as FORMAT.md describes them: manifest, control, reactor.json, snapshots.

import fs from 'node:fs';
import path from 'node:path';
import { zstdCompress } from '../../native';
import { u16, u32, u64 } from './mcap-writer';

export const UUID = '00112233445566778899aabbccddeeff';
export const HEAP_BASE = 0x4000_0000_0000n;
const PAGE = 4096;

export interface CrashToWrite {
  signal?: number;
  code?: number;
  address?: bigint;
  rip?: bigint;
  reactor?: number;
  event?: number | bigint;
  state?: number;
}

export interface ProgressToWrite {
  started: number | bigint;
  finished: number | bigint;
  state?: number;
  snapshot?: number;
  failures?: number;
}

export interface ControlToWrite {
  uuid?: string;
  closed?: boolean;
  stopTimeNs?: bigint;
  failure?: { errno: number; text: string };
  crash?: CrashToWrite;
  reactors?: ProgressToWrite[];
}

export function manifest(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    format: { name: 'afterimage', major: 1, minor: 0 },
    uuid: UUID,
    library: 'afterimage 0.1.0',
    wordBits: 64,
    machine: 'x86_64',
    pageBytes: PAGE,
    pid: 4711,
    startTimeNs: '1763823600000000000',
    hostname: 'vector-host',
    kernel: 'Linux 6.18.0',
    executable: '/opt/shop/orders',
    commandLine: ['/opt/shop/orders', '--fast'],
    workingDirectory: '/opt/shop',
    modules: [
      { kind: 'exe', base: '0x555555554000', bytes: 0x8000, buildId: '9f2c000102030405060708090a0b0c0d0e0f1011', path: '/opt/shop/orders' },
      { kind: 'vdso', base: '0x7ffff7fc1000', bytes: 0x2000, buildId: '', path: '[vdso]' },
    ],
    atRandom: '000102030405060708090a0b0c0d0e0f',
    fsBase: '0x7ffff7d8a740',
    brkStart: '0x555555575000',
    hwcap: '178bfbff',
    hwcap2: '2',
    ...changes,
  };
}

export function control({ uuid = UUID, closed = false, stopTimeNs = 1_763_823_660_000_000_000n, ...rest }: ControlToWrite = {}): Buffer {
  const bytes = Buffer.alloc(266_240);
  bytes.write('AFTRIMG-CTRL-001', 0, 'latin1');
  u32(1).copy(bytes, 16);
  u32(bytes.length).copy(bytes, 20);
  bytes.write(uuid, 24, 'hex');
  u64(rest.reactors?.length ?? 0).copy(bytes, 40);
  u64(closed ? 2 : 1).copy(bytes, 48);
  u64(rest.failure?.errno ?? 0).copy(bytes, 56);
  u64(closed ? stopTimeNs : 0n).copy(bytes, 64);
  bytes.write(rest.failure?.text ?? '', 2048);
  if (rest.crash !== undefined) writeCrash(bytes, rest.crash);
  rest.reactors?.forEach((progress, i) => writeSlot(bytes, 4096 + 64 * i, progress));
  return bytes;
}

function writeCrash(bytes: Buffer, crash: CrashToWrite): void {
  const { signal = 11, code = 1, address = 0x10n, rip = 0x555555556123n, reactor, event = 0, state = 2 } = crash;
  u64(state).copy(bytes, 512);
  u32(signal).copy(bytes, 520);
  bytes.writeInt32LE(code, 524);
  const words = [address, rip, 0x7ffffffde000n, 0x7ffffffde040n, 4712n, BigInt(reactor === undefined ? 0 : reactor + 1), BigInt(event)];
  words.forEach((word, i) => u64(word).copy(bytes, 528 + 8 * i));
  u64(1_763_823_655_000_000_000n).copy(bytes, 584);
  for (let i = 0; i < 23; i++) u64(0x1000n + BigInt(i)).copy(bytes, 592 + 8 * i);
}

function writeSlot(bytes: Buffer, at: number, { started, finished, snapshot = 0, state = 1, failures = 0 }: ProgressToWrite): void {
  const slot = HEAP_BASE + (BigInt(at - 4096) / 64n) * 0x10_0000_0000n;
  [started, finished, snapshot, state, slot, 0, 0, failures].forEach((word, i) => u64(BigInt(word)).copy(bytes, at + 8 * i));
}

export function reactorFile(id: number, name: string, type: string): Record<string, unknown> {
  const base = HEAP_BASE + BigInt(id) * 0x10_0000_0000n;
  const hex = (n: bigint) => `0x${n.toString(16)}`;
  return { id, name, type, heap: { base: hex(base), bytes: 0x10_0000_0000 }, object: hex(base + 0x1040n) };
}

export interface SnapshotToWrite {
  reactor?: number;
  position: number | bigint;
  parent?: number | bigint;
  kind?: number;
  pages?: number;
  thread?: Buffer;
  locale?: string;
}

export interface ThreadToWrite {
  mxcsr?: number;
  x87Control?: number;
  variables?: readonly (readonly [module: bigint, data: Buffer])[];
}

/** The thread state of a snapshot or an input. */
export function threadState({ mxcsr = 0x1f80, x87Control = 0x37f, variables = [] }: ThreadToWrite = {}): Buffer {
  const blocks = variables.flatMap(([module, data]) => [u64(module), u64(data.length), data, Buffer.alloc(-data.length & 7)]);
  return Buffer.concat([u32(1), u32(mxcsr), u16(x87Control), u16(0), u32(variables.length), ...blocks]);
}

/** An ELF core with our notes and one load for the heap. */
export function snapshot({ reactor = 0, position, parent = position, kind = 1, pages = 1, thread, locale }: SnapshotToWrite): Buffer {
  const base = HEAP_BASE + BigInt(reactor) * 0x10_0000_0000n;
  const desc = [
    u32(1),
    u32(reactor),
    u64(position),
    u64(parent),
    u32(kind),
    u32(0),
    u64(0xabc),
    u64(base + 0x1040n),
    u64(base),
    u64(0x10_0000_0000),
  ];
  const own = (type: number, content: Buffer | undefined) =>
    content === undefined
      ? []
      : [u32(8), u32(content.length), u32(type), Buffer.from('AFTRIMG\0'), content, Buffer.alloc(-content.length & 3)];
  const note = Buffer.concat([
    ...own(2, Buffer.concat(desc)),
    ...own(3, thread),
    ...own(4, locale === undefined ? locale : Buffer.from(locale)),
  ]);
  const header = (type: number, flags: number, offset: number, address: bigint, bytes: number, align: number) =>
    Buffer.concat([u32(type), u32(flags), ...[offset, address, 0, bytes, type === 1 ? bytes : 0, align].map(u64)]);
  const file = Buffer.alloc(PAGE * (1 + pages));
  elfHeader(2).copy(file);
  header(4, 4, 176, 0n, note.length, 4).copy(file, 64);
  header(1, 6, PAGE, base, PAGE * pages, PAGE).copy(file, 120);
  note.copy(file, 176);
  for (let page = 1; page <= pages; page++) file.fill(0xa0 + page, PAGE * page, PAGE * (page + 1));
  return file;
}

function elfHeader(programHeaders: number): Buffer {
  const identification = Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(9)]);
  const [core, x86_64] = [4, 62];
  const offsets = [0, 64, 0].map(u64); // entry, program headers, sections
  const sizes = [64, 56, programHeaders, 0, 0, 0].map(u16);
  return Buffer.concat([identification, u16(core), u16(x86_64), u32(1), ...offsets, u32(0), ...sizes]);
}

/** As the recorder compresses it: the head in a frame of its own, and a table of the frames. */
export function compressedSnapshot(what: SnapshotToWrite, frameBytes = 4 << 20): Buffer {
  const core = snapshot(what);
  const contents = [core.subarray(0, PAGE)];
  for (let at = PAGE; at < core.length; at += frameBytes) contents.push(core.subarray(at, at + frameBytes));
  const frames = contents.map((content) => zstdCompress(content, 1));
  const entries = frames.flatMap((frame, i) => [u32(frame.length), u32(contents[i]!.length)]);
  const table = Buffer.concat([...entries, u32(frames.length), Buffer.of(0), u32(0x8f92eab1)]);
  return Buffer.concat([...frames, u32(0x184d2a5e), u32(table.length), table]);
}

export const segmentName = (segment: number) => `ev-${String(segment).padStart(8, '0')}.mcap`;
export const snapshotName = (position: number) => `snap-${String(position).padStart(12, '0')}.core`;

/** Files by path: objects become JSON. `undefined` leaves a file out. */
export type Files = Record<string, Buffer | Record<string, unknown> | string | undefined>;

export function writeBundle(directory: string, files: Files): string {
  for (const [name, content] of Object.entries(files)) {
    if (content === undefined) continue;
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const bytes = Buffer.isBuffer(content) || typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
    fs.writeFileSync(file, bytes);
  }
  return directory;
}
