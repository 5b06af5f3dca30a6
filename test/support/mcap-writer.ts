// Writes segments as FORMAT.md §4 describes them. Written from the page, not from the reader: the two have no line in common.

export interface TypeToWrite {
  id: number;
  name: string;
  codec?: 'trivial' | 'custom' | 'bytes' | 'made';
  bytes?: number;
  thunk?: bigint;
}

export interface DoneToWrite {
  durationNs?: number;
  threw?: boolean;
  allocations?: bigint;
  outbound?: bigint;
  digests?: readonly [heap: bigint, variables: bigint];
}

const MAGIC = Buffer.from('894d434150300d0a', 'hex');
const DEFAULT_TIME_NS = 1_763_823_600_000_000_000n;
const ENCODINGS = {
  trivial: 'x-afterimage-cpp',
  custom: 'x-afterimage-custom',
  bytes: 'application/octet-stream',
  made: 'x-afterimage-made',
};

export const u16 = (n: number) => Buffer.from(Uint16Array.of(n).buffer);
export const u32 = (n: number) => Buffer.from(Uint32Array.of(n).buffer);
export const u64 = (n: bigint | number) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
const sized = (content: Buffer) => Buffer.concat([u32(content.length), content]);
const text = (value: string) => sized(Buffer.from(value, 'utf8'));
const map = (entries: Record<string, string>) =>
  sized(Buffer.concat(Object.entries(entries).flatMap(([key, value]) => [text(key), text(value)])));

export const record = (opcode: number, ...content: Buffer[]) => {
  const all = Buffer.concat(content);
  return Buffer.concat([Buffer.of(opcode), u64(all.length), all]);
};

/** The bytes of one segment, record after record. */
export class SegmentWriter {
  private readonly parts: Buffer[] = [MAGIC];
  private timeNs: bigint;

  constructor(head: { uuid: string; reactor?: number; segment?: number; firstEvent?: number | bigint; timeNs?: bigint }) {
    this.timeNs = head.timeNs ?? DEFAULT_TIME_NS;
    const metadata = {
      uuid: head.uuid,
      reactor: String(head.reactor ?? 0),
      segment: String(head.segment ?? 1),
      firstEvent: String(head.firstEvent ?? 0),
    };
    this.raw(record(0x01, text('afterimage'), text('afterimage 0.1.0')));
    this.raw(record(0x0c, text('afterimage.segment'), map(metadata)));
    ['done', 'input', 'gap'].forEach((topic, i) => this.channel(i + 1, 0, topic, `x-afterimage-${topic}`, {}));
  }

  raw(bytes: Buffer): this {
    this.parts.push(bytes);
    return this;
  }

  channel(id: number, schema: number, topic: string, encoding: string, metadata: Record<string, string>): this {
    return this.raw(record(0x04, u16(id), u16(schema), text(topic), text(encoding), map(metadata)));
  }

  type({ id, name, codec = 'trivial', bytes = 0, thunk = 0x401000n }: TypeToWrite): this {
    this.raw(record(0x03, u16(id), text(name), text(''), u32(0)));
    const metadata = { type: name, thunk: `0x${thunk.toString(16)}`, codec, bytes: String(bytes), align: '8' };
    return this.channel(id, id, `event/${name}`, ENCODINGS[codec], metadata);
  }

  message(channel: number, event: number, ...data: Buffer[]): this {
    this.timeNs += 1000n;
    return this.raw(record(0x05, u16(channel), u32(event % 2 ** 32), u64(this.timeNs), u64(this.timeNs), ...data));
  }

  event(event: number, type: number, payload: Buffer | string): this {
    return this.message(type, event, Buffer.isBuffer(payload) ? payload : Buffer.from(payload));
  }

  done(event: number, { durationNs = 1500, threw = false, allocations = 0xabcn, outbound = 0n, digests }: DoneToWrite = {}): this {
    const more = digests === undefined ? [] : [...digests, 0x7ffc_0000_0000n, 0x80_0000n].map(u64);
    return this.message(1, event, u32(durationNs), u32(threw ? 1 : 0), u64(allocations), u64(outbound), u64(event), ...more);
  }

  /** Input of kind 1: others freed these blocks before the event. */
  foreignFrees(event: number, ...addresses: bigint[]): this {
    return this.input(event, 1, Buffer.concat(addresses.map(u64)));
  }

  input(event: number, kind: number, content: Buffer): this {
    return this.message(2, event, u16(kind), u16(0), u32(content.length), content);
  }

  sender(event: number, reactor: number, sentIn: number, message: number): this {
    return this.input(event, 6, Buffer.concat([u64(sentIn), u32(reactor), u32(message)]));
  }

  sent(event: number, reactor: number, type: string, payload: string): this {
    const sizes = [u64(payload.length), u64(0x1234), u32(type.length), u32(payload.length)];
    return this.input(event, 4, Buffer.concat([u32(reactor), u32(0), ...sizes, Buffer.from(type + payload)]));
  }

  failure(event: number, site: bigint, sentence: string): this {
    const text = Buffer.from(sentence);
    const head = [u16(1040), u16(2), u32(0), u64(site), u64(0), u64(0x5678), u32(text.length), u32(0)];
    return this.input(event, 3, Buffer.concat([...head, text]));
  }

  gap(first: number, count: number, errno: number, reason: string): this {
    return this.message(3, first, u64(first), u64(count), u32(errno), Buffer.from(reason));
  }

  /** As the process left it: zeroes up to the size of the file. */
  live(fileBytes = 16384): Buffer {
    const used = Buffer.concat(this.parts);
    return Buffer.concat([used, Buffer.alloc(Math.max(0, fileBytes - used.length))]);
  }

  /** As the background thread leaves it. `crc` is for writing a wrong one. */
  sealed(crc?: number): Buffer {
    const data = Buffer.concat(this.parts);
    return Buffer.concat([data, record(0x0f, u32(crc ?? crc32(data))), record(0x02, u64(0), u64(0), u32(0)), MAGIC]);
  }
}

/** IEEE CRC-32, bit by bit. */
export function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
