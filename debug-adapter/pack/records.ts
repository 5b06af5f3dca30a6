// MCAP records, written. A record is opcode u8, length u64, content; texts have a u32 length before them, maps and arrays a u32
// with their size in bytes (https://mcap.dev/spec).

export const Op = {
  Header: 0x01,
  Footer: 0x02,
  Schema: 0x03,
  Channel: 0x04,
  Message: 0x05,
  Chunk: 0x06,
  MessageIndex: 0x07,
  ChunkIndex: 0x08,
  Attachment: 0x09,
  AttachmentIndex: 0x0a,
  Statistics: 0x0b,
  Metadata: 0x0c,
  MetadataIndex: 0x0d,
  SummaryOffset: 0x0e,
  DataEnd: 0x0f,
} as const;

export const u8 = (value: number): Buffer => Buffer.of(value);

export function u16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export const sized = (...content: Buffer[]): Buffer => {
  const all = Buffer.concat(content);
  return Buffer.concat([u32(all.length), all]);
};

export const text = (value: string): Buffer => sized(Buffer.from(value, 'utf8'));

export const map = (entries: Iterable<readonly [string, string]>): Buffer =>
  sized(...[...entries].flatMap(([key, value]) => [text(key), text(value)]));

export function record(opcode: number, ...content: Buffer[]): Buffer {
  const bytes = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([u8(opcode), u64(bytes), ...content]);
}
