// Writes the last events of a core as an event segment (FORMAT.md §4), so that they are read like those of any recording.
// Only that: how long react() took, and what it allocated, is not in a core.

import { type CoreBlock, type NotedEvent } from './core-block';

const MAGIC = Buffer.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]);
const Opcode = { Header: 0x01, Footer: 0x02, Schema: 0x03, Channel: 0x04, Message: 0x05, Metadata: 0x0c, DataEnd: 0x0f } as const;
const FIRST_EVENT_CHANNEL = 16;
const ENCODINGS = {
  trivial: 'x-afterimage-cpp',
  custom: 'x-afterimage-custom',
  bytes: 'application/octet-stream',
  made: 'x-afterimage-made',
} as const;

/** The newest events of a reactor whose numbers follow one another: an older one with a gap behind it would look like damage. */
export function lastRun(block: CoreBlock, reactor: number): NotedEvent[] {
  const events = block.events.filter((event) => event.reactor === reactor).sort((a, b) => a.number - b.number);
  let first = events.length;
  while (first > 0 && (first === events.length || (events[first - 1] as NotedEvent).number + 1 === (events[first] as NotedEvent).number))
    first--;
  return events.slice(first);
}

export function writeSegment(block: CoreBlock, reactor: number, events: readonly NotedEvent[]): Buffer {
  const metadata = { uuid: block.uuid, reactor: String(reactor), segment: '1', firstEvent: String(events[0]?.number ?? 0) };
  const types = [...new Set(events.map((event) => event.type))];
  const channelOf = (event: NotedEvent) => FIRST_EVENT_CHANNEL + types.indexOf(event.type);
  return Buffer.concat([
    MAGIC,
    record(Opcode.Header, text('afterimage'), text('afterimage import')),
    record(Opcode.Metadata, text('afterimage.segment'), map(metadata)),
    ...['done', 'input', 'gap'].map((topic, i) => channel(i + 1, 0, topic, `x-afterimage-${topic}`, {})),
    ...types.flatMap((type, i) => typeRecords(block, type, FIRST_EVENT_CHANNEL + i)),
    ...events.map((event) => message(channelOf(event), event)),
    record(Opcode.DataEnd, u32(0)),
    record(Opcode.Footer, u64(0n), u64(0n), u32(0)),
    MAGIC,
  ]);
}

function typeRecords(block: CoreBlock, index: number | undefined, id: number): Buffer[] {
  const type = index === undefined ? undefined : block.types[index];
  const name = type?.name ?? 'unknown';
  const codec = type?.codec ?? 'bytes';
  const metadata = { type: name, thunk: '0x0', codec, bytes: String(type?.bytes ?? 0), align: '1' };
  return [record(Opcode.Schema, u16(id), text(name), text(''), u32(0)), channel(id, id, `event/${name}`, ENCODINGS[codec], metadata)];
}

const channel = (id: number, schema: number, topic: string, encoding: string, metadata: Record<string, string>) =>
  record(Opcode.Channel, u16(id), u16(schema), text(topic), text(encoding), map(metadata));

const message = (id: number, { number, timeNs, payload }: NotedEvent) =>
  record(Opcode.Message, u16(id), u32(number % 0x1_0000_0000), u64(timeNs), u64(timeNs), payload);

function record(opcode: number, ...content: Buffer[]): Buffer {
  const bytes = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.of(opcode), u64(BigInt(bytes)), ...content]);
}

const u16 = (value: number) => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);
const sized = (content: Buffer) => Buffer.concat([u32(content.length), content]);
const text = (value: string) => sized(Buffer.from(value, 'utf8'));
const map = (entries: Record<string, string>) =>
  sized(Buffer.concat(Object.entries(entries).flatMap(([key, value]) => [text(key), text(value)])));
