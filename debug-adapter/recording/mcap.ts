// MCAP records, read in place. Only what a segment contains (FORMAT.md §4): no chunks, no summary. A record is opcode u8,
// length u64, content. Strings have a u32 length before them, maps a u32 with their size in bytes.

export const MAGIC = Buffer.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]);
export const RECORD_HEADER_BYTES = 9;

export const Opcode = { Header: 0x01, Footer: 0x02, Schema: 0x03, Channel: 0x04, Message: 0x05, Metadata: 0x0c, DataEnd: 0x0f } as const;

/** Bytes that contradict the format; the sentence says how. Never leaves this folder. */
export class Damage extends Error {}

/** Reads the fields of one record in order, and never beyond its end. */
export class Fields {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** How much has been read. */
  get position(): number {
    return this.at;
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.take(2));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  u64(): bigint {
    return this.bytes.readBigUInt64LE(this.take(8));
  }

  text(): string {
    const length = this.u32();
    const from = this.take(length);
    return this.bytes.toString('utf8', from, from + length);
  }

  map(): Map<string, string> {
    const end = this.u32() + this.at;
    const map = new Map<string, string>();
    while (this.at < end) map.set(this.text(), this.text());
    if (this.at !== end) throw new Damage('a map of texts has another length than it says');
    return map;
  }

  private take(count: number): number {
    const from = this.at;
    if (count > this.bytes.length - from) throw new Damage('a field runs past the end of its record');
    this.at += count;
    return from;
  }
}

export interface ChannelRecord {
  readonly id: number;
  readonly topic: string;
  readonly encoding: string;
  readonly metadata: ReadonlyMap<string, string>;
}

export function readChannel(content: Buffer): ChannelRecord {
  const fields = new Fields(content);
  const id = fields.u16();
  fields.u16(); // schema id: the same number
  return { id, topic: fields.text(), encoding: fields.text(), metadata: fields.map() };
}

// Message: channel u16, sequence u32, log time u64, publish time u64, data. Offsets from the record's opcode.
export const MESSAGE = { channel: 9, sequence: 11, logTime: 15, data: 31, contentBytesMin: 22 } as const;

/** The content length of the record at `at`. Above 2^53 it is rounded, which is as impossible as it was before. */
export const contentLength = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 1) + bytes.readUInt32LE(at + 5) * 0x1_0000_0000;

export interface SegmentHead {
  readonly uuid: string;
  readonly reactor: number;
  readonly segment: number;
  readonly firstEvent: number;
  readonly library: string;
  /** All that its Metadata says. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Where its other records begin. */
  readonly bytes: number;
}

/**
 * Magic, Header and the `afterimage.segment` Metadata, from the first bytes of a segment. `undefined` for one that was
 * prepared but not, or only half, begun: it holds no events. Throws Damage.
 */
export function readSegmentHead(bytes: Buffer): SegmentHead | undefined {
  if (bytes.length === 0 || bytes[0] === 0) return undefined;
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Damage('it does not begin as an MCAP file');
  const header = recordAt(bytes, MAGIC.length, Opcode.Header, 'Header');
  if (header === undefined) return undefined;
  const fields = new Fields(header);
  const profile = fields.text();
  if (profile !== 'afterimage') throw new Damage(`its profile is "${profile}" instead of "afterimage"`);

  const at = MAGIC.length + RECORD_HEADER_BYTES + header.length;
  const content = recordAt(bytes, at, Opcode.Metadata, 'Metadata');
  if (content === undefined) return undefined;
  const metadata = new Fields(content);
  const name = metadata.text();
  if (name !== 'afterimage.segment') throw new Damage(`its metadata is "${name}" instead of "afterimage.segment"`);
  const map = metadata.map();
  return { ...segmentNumbers(map), library: fields.text(), metadata: map, bytes: at + RECORD_HEADER_BYTES + content.length };
}

function segmentNumbers(map: ReadonlyMap<string, string>) {
  const number = (key: string) => {
    const text = map.get(key) ?? '';
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw new Damage(`its metadata has no valid "${key}"`);
    return value;
  };
  return { uuid: map.get('uuid') ?? '', reactor: number('reactor'), segment: number('segment'), firstEvent: number('firstEvent') };
}

/** `undefined` when it is not committed. */
function recordAt(bytes: Buffer, at: number, opcode: number, name: string): Buffer | undefined {
  const from = at + RECORD_HEADER_BYTES;
  if (bytes[at] === 0) return undefined;
  if (bytes.length < from) throw new Damage(`it ends before its ${name} record`);
  if (bytes[at] !== opcode) throw new Damage(`it has opcode ${bytes[at]} where its ${name} record belongs`);
  const length = contentLength(bytes, at);
  if (length > bytes.length - from) throw new Damage(`it ends inside its ${name} record`);
  return bytes.subarray(from, from + length);
}
