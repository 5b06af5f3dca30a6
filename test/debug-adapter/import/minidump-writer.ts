// A minidump as Breakpad writes it on Linux: one thread, two modules, an exception, a piece of stack. Written from the format's
// page (minidumpapiset.h), not from the reader.

const u32 = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values: bigint[]) => Buffer.from(BigUint64Array.from(values).buffer);

export interface MinidumpToWrite {
  readonly modules?: readonly { path: string; base: bigint; bytes: number; buildId: string }[];
}

const MODULES = [
  { path: '/opt/shop/orders', base: 0x5555_5555_4000n, bytes: 0x8000, buildId: '9f2c000102030405060708090a0b0c0d0e0f1011' },
  { path: '/usr/lib/libc.so.6', base: 0x7fff_f7c0_0000n, bytes: 0x1e_0000, buildId: '' },
];

export function minidump({ modules = MODULES }: MinidumpToWrite = {}): Buffer {
  const parts: Buffer[] = [];
  let end = 0;
  /** Appends, and says where. */
  const put = (...content: Buffer[]): number => {
    const at = end;
    const bytes = Buffer.concat(content);
    parts.push(bytes);
    end += bytes.length;
    return at;
  };
  const streams: [type: number, at: number, bytes: number][] = [];
  const stream = (type: number, ...content: Buffer[]) => {
    const at = put(...content);
    streams.push([type, at, end - at]);
  };

  put(Buffer.alloc(32 + 5 * 12)); // header and directory, filled in below
  const context = Buffer.alloc(1232);
  context.writeBigUInt64LE(0x7fff_ffff_de00n, 0x98);
  context.writeBigUInt64LE(0x5555_5555_6123n, 0xf8);
  const contextAt = put(context);
  const stackAt = put(Buffer.alloc(512, 0xab));
  const moduleItems = modules.map(({ path, base, bytes, buildId }) => {
    const text = Buffer.from(path, 'utf16le');
    const name = put(u32(text.length), text, Buffer.alloc(2));
    const record = buildId === '' ? Buffer.alloc(0) : Buffer.concat([u32(0x4270454c), Buffer.from(buildId, 'hex')]);
    const recordAt = put(record);
    return Buffer.concat([u64(base), u32(bytes, 0, 0, name), Buffer.alloc(52), u32(record.length, recordAt, 0, 0), Buffer.alloc(16)]);
  });
  const threadStack = Buffer.concat([u64(0x7fff_ffff_de00n), u32(512, stackAt)]);
  stream(3, u32(1), u32(4712, 0, 0, 0), u64(0n), threadStack, u32(context.length, contextAt));
  stream(4, u32(modules.length), ...moduleItems);
  stream(5, u32(1), threadStack);
  stream(6, u32(4712, 0, 11, 1), u64(0n, 0x10n), u32(0, 0), Buffer.alloc(15 * 8), u32(context.length, contextAt));
  stream(0x47670006, Buffer.from('/opt/shop/orders\0--fast\0'));

  const file = Buffer.concat(parts);
  Buffer.concat([Buffer.from('MDMP'), u32(0xa793, streams.length, 32, 0, 1_763_823_655), u64(0n)]).copy(file);
  streams.forEach(([type, at, bytes], i) => u32(type, bytes, at).copy(file, 32 + 12 * i));
  return file;
}
