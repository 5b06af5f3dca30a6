// One pass over the records of a segment: where its events are. The pass stops where FORMAT.md §4 says that the recording
// stops: at opcode 0, at an impossible length, at a gap in the event numbers; and says which it was.

import { Column } from './column';
import { DONE_BYTES, eventType, type EventType } from './event-types';
import { isShown } from './inputs';
import { contentLength, Damage, Fields, MAGIC, MESSAGE, Opcode, readChannel, RECORD_HEADER_BYTES } from './mcap';
import { grouped } from './numbers';

const CHANNEL = { done: 1, input: 2, gap: 3, firstEvent: 16 } as const;

/** Bytes that come in as far as they are wanted: a preallocated segment may have one page of records in 16 MiB. */
export interface SegmentBytes {
  readonly bytes: Buffer;
  /** Whether the bytes before `end` are there. May replace `bytes` by a longer buffer. */
  ensure(end: number): boolean;
}

/** Events that the recorder itself could not write. */
export interface Gap {
  readonly first: number;
  readonly count: number;
  readonly errno: number;
  readonly reason: string;
}

export interface SegmentIndex {
  readonly firstEvent: number;
  /** The number after the last event. */
  readonly endEvent: number;
  readonly types: ReadonlyMap<number, EventType>;
  readonly gaps: readonly Gap[];
  /** Offset of the Message record of event i; the i-th that is there, gaps left out. */
  readonly events: Column;
  /** Offset of its `done` record, 0 for none. */
  readonly dones: Column;
  /** `done` records of events in segments before this one, by event number. */
  readonly earlierDones: ReadonlyMap<number, number>;
  /** Inputs from before react(), as two columns: the index of the event they precede (events.length: one of the next segment), and their offset. */
  readonly inputEvents: Column;
  readonly inputs: Column;
  /** What events sent to other reactors, where it was recorded, and what went wrong in them: the number of the event, and the offset of the input. */
  readonly shown: readonly { readonly event: number; readonly at: number }[];
  readonly usedBytes: number;
  readonly sealed: { readonly dataBytes: number; readonly crc: number } | undefined;
  /** Why the pass stopped before the writer did; `undefined` when nothing is damaged. */
  readonly damage: string | undefined;
}

export const indexSegment = (source: SegmentBytes, firstEvent: number): SegmentIndex => new Pass(source, firstEvent).run();

class Pass implements SegmentIndex {
  readonly types = new Map<number, EventType>();
  readonly gaps: Gap[] = [];
  readonly events = new Column();
  readonly dones = new Column();
  readonly earlierDones = new Map<number, number>();
  readonly inputEvents = new Column();
  readonly inputs = new Column();
  readonly shown: { event: number; at: number }[] = [];
  endEvent: number;
  usedBytes = MAGIC.length;
  sealed: SegmentIndex['sealed'];
  damage: string | undefined;
  private bytes: Buffer;

  constructor(
    private readonly source: SegmentBytes,
    readonly firstEvent: number,
  ) {
    this.bytes = source.bytes;
    this.endEvent = firstEvent;
  }

  run(): SegmentIndex {
    try {
      while (this.record());
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      this.damage = `${error.message} (at byte ${this.usedBytes})`;
    }
    return this;
  }

  /** Takes in one record; false at the end. */
  private record(): boolean {
    const at = this.usedBytes;
    if (!this.there(at + 1)) return false;
    const opcode = this.bytes[at] as number;
    if (opcode === 0) return false;
    if (!this.there(at + RECORD_HEADER_BYTES)) throw new Damage('a record is cut off');
    const length = contentLength(this.bytes, at);
    const end = at + RECORD_HEADER_BYTES + length;
    if (!this.there(end)) throw new Damage(`a record of ${grouped(length)} bytes is cut off or has an impossible length`);

    if (opcode === Opcode.Message) this.message(at, length);
    else if (opcode === Opcode.Channel) this.channel(this.bytes.subarray(at + RECORD_HEADER_BYTES, end));
    else if (opcode === Opcode.DataEnd) this.seal(at, length);
    this.usedBytes = end;
    return opcode !== Opcode.Footer;
  }

  private there(end: number): boolean {
    if (end <= this.bytes.length) return true;
    const enough = this.source.ensure(end);
    this.bytes = this.source.bytes;
    return enough;
  }

  private message(at: number, length: number): void {
    if (length < MESSAGE.contentBytesMin) throw new Damage(`a message has ${grouped(length)} bytes, less than its own header`);
    const channel = this.bytes.readUInt16LE(at + MESSAGE.channel);
    if (channel >= CHANNEL.firstEvent) this.event(at, channel);
    else if (channel === CHANNEL.done) this.done(at, length - MESSAGE.contentBytesMin);
    else if (channel === CHANNEL.input) this.input(at, length - MESSAGE.contentBytesMin);
    else if (channel === CHANNEL.gap) this.gap(at, length - MESSAGE.contentBytesMin);
  }

  private event(at: number, channel: number): void {
    if (!this.types.has(channel)) throw new Damage(`an event has the unknown channel ${channel}`);
    const sequence = this.bytes.readUInt32LE(at + MESSAGE.sequence); // the low 32 bits
    if (sequence !== this.endEvent >>> 0)
      throw new Damage(`event ${grouped(this.endEvent)} is missing: event ${grouped(this.near(sequence))} follows`);
    this.events.push(at);
    this.dones.push(0);
    this.endEvent++;
  }

  private done(at: number, bytes: number): void {
    if (bytes < DONE_BYTES) throw new Damage(`a "done" message has ${grouped(bytes)} bytes instead of ${DONE_BYTES}`);
    const number = at + MESSAGE.data + 24; // in two halves: a bigint for each of a million events takes its time
    const event = this.bytes.readUInt32LE(number) + this.bytes.readUInt32LE(number + 4) * 0x1_0000_0000;
    if (event >= this.endEvent) throw new Damage(`event ${grouped(event)} is done, but it never began`);
    if (event < this.firstEvent) this.earlierDones.set(event, at);
    else this.dones.set(eventIndex(this, event) ?? this.dones.length, at);
  }

  private input(at: number, length: number): void {
    const event = this.near(this.bytes.readUInt32LE(at + MESSAGE.sequence));
    if (event > this.endEvent) throw new Damage(`an input belongs to event ${grouped(event)}, but event ${grouped(this.endEvent)} is next`);
    if (event < this.endEvent) {
      // Of what happened inside react(), the rest is for a replay only.
      if (isShown(this.bytes.subarray(at + MESSAGE.data, at + MESSAGE.data + length))) this.shown.push({ event, at });
      return;
    }
    this.inputEvents.push(this.events.length);
    this.inputs.push(at);
  }

  private gap(at: number, bytes: number): void {
    const data = this.bytes.subarray(at + MESSAGE.data, at + MESSAGE.data + bytes);
    const fields = new Fields(data);
    const first = Number(fields.u64());
    const count = Number(fields.u64());
    const errno = fields.u32();
    if (first !== this.endEvent || !Number.isSafeInteger(first + count))
      throw new Damage(`a gap begins at event ${grouped(first)}, but event ${grouped(this.endEvent)} is next`);
    this.gaps.push({ first, count, errno, reason: data.toString('utf8', 20) });
    this.endEvent = first + count;
  }

  private channel(content: Buffer): void {
    const channel = readChannel(content);
    if (channel.id >= CHANNEL.firstEvent) this.types.set(channel.id, eventType(channel));
  }

  private seal(at: number, length: number): void {
    if (length < 4) throw new Damage('its DataEnd record is too short');
    this.sealed = { dataBytes: at, crc: this.bytes.readUInt32LE(at + RECORD_HEADER_BYTES) };
  }

  /** The event number nearest to the next one that has these low 32 bits. */
  private near(sequence: number): number {
    return this.endEvent + ((sequence - this.endEvent) | 0);
  }
}

/** The index of an event in the columns; `undefined` when it is in a gap or outside. */
export function eventIndex(segment: Pick<SegmentIndex, 'firstEvent' | 'endEvent' | 'gaps'>, event: number): number | undefined {
  if (event < segment.firstEvent || event >= segment.endEvent) return undefined;
  let lost = 0;
  for (const gap of segment.gaps) {
    if (event < gap.first) break;
    if (event < gap.first + gap.count) return undefined;
    lost += gap.count;
  }
  return event - segment.firstEvent - lost;
}
