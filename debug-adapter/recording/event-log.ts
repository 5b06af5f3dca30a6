// The events of one reactor, over all its segments. Finding event n costs a binary search over the segments and at most one
// scan; a million events are two columns of numbers, and an event becomes an object only when it is asked for.

import { eventLost, noSuchEvent } from './errors';
import { type EventDone, type EventType, readDone, type RecordedEvent } from './event-types';
import { foreignFreesOf, type Input, readFailure, readInput, readSent, senderOf, threadStateOf } from './inputs';
import { contentLength, MESSAGE, RECORD_HEADER_BYTES } from './mcap';
import { eventIndex, type SegmentIndex } from './segment-index';
import { type Segment, type SegmentList, shortPath } from './segments';

export class EventLog {
  private readonly segments: readonly Segment[];

  /** `started`: how many events the control file counts; `undefined` when it is not known. */
  constructor(
    private readonly list: SegmentList,
    private readonly name: string,
    private readonly started: number | undefined,
  ) {
    this.segments = list.segments;
  }

  /** The oldest event that the recording holds. */
  get first(): number {
    return this.segments[0]?.head.firstEvent ?? 0;
  }

  /** The number after the newest event. */
  get end(): number {
    return this.segments.at(-1)?.index.endEvent ?? this.first;
  }

  /** The types of events, by channel. */
  get types(): readonly EventType[] {
    return [...(this.segments.at(-1)?.index.types.values() ?? [])].sort((a, b) => a.id - b.id);
  }

  event(n: number): RecordedEvent {
    const at = this.segmentOf(n);
    const index = at < 0 ? undefined : eventIndex(this.indexAt(at), n);
    if (index === undefined) throw this.absent(n);
    return this.read(at, index, n);
  }

  /** The events from `from`, at most `count` numbers further; lost ones are left out. */
  *events(from: number, count: number): Generator<RecordedEvent> {
    const end = Math.min(from + count, this.end);
    for (let at = Math.max(0, this.segmentOf(from)); at < this.segments.length; at++) {
      const segment = this.indexAt(at);
      if (segment.firstEvent >= end) return;
      const last = Math.min(end, segment.endEvent);
      for (let n = Math.max(from, segment.firstEvent); n < last; n++) {
        const index = eventIndex(segment, n);
        if (index !== undefined) yield this.read(at, index, n);
      }
    }
  }

  /** The events in which something went wrong. Scans every segment. */
  *failed(): Generator<RecordedEvent> {
    for (const { index } of this.segments) {
      const numbers = new Set(index.shown.map(({ event }) => event).filter((event) => event >= index.firstEvent && event < index.endEvent));
      for (const number of numbers) {
        const event = this.event(number);
        if (event.failures.length > 0) yield event;
      }
    }
  }

  /** How many events are there: `end - first`, less the lost ones. Scans every segment. */
  get count(): number {
    return this.segments.reduce((sum, segment) => sum + segment.index.events.length, 0);
  }

  /** What the events take. */
  get fileBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.fileBytes - reservedBytes(segment), 0);
  }

  /** What the segments take beyond that: they are allocated before they are filled, and cut to their length when they are sealed. */
  get reservedBytes(): number {
    return this.segments.reduce((sum, segment) => sum + reservedBytes(segment), this.list.preparedBytes);
  }

  /** What is known to be damaged, in sentences. Looks only at segments that are not sealed, or beside a gap; verify() looks at all. */
  get problems(): string[] {
    this.segments.forEach((segment, i) => this.needsScan(segment, i) && segment.index);
    const found = this.segments.flatMap((segment, i) => this.problemsOf(segment, this.segments[i + 1]));
    return [...this.list.problems, ...found, ...this.problemsAtEnd()];
  }

  /** Reads everything and compares the checksums of sealed segments. */
  verify(): string[] {
    const checksums = this.segments.flatMap((segment) => segment.verify() ?? []);
    return [...this.problems, ...checksums];
  }

  private needsScan(segment: Segment, i: number): boolean {
    const next = this.segments[i + 1];
    return !segment.isSealed || next === undefined || next.head.segment !== segment.head.segment + 1;
  }

  private problemsOf(segment: Segment, next: Segment | undefined): string[] {
    const index = segment.indexIfScanned;
    if (index === undefined) return [];
    const lost = next === undefined ? '' : rangeLost(index.endEvent, next.head.firstEvent);
    const gaps = index.gaps.map(
      (gap) => `${rangeLost(gap.first, gap.first + gap.count)}: ${gap.reason.replace(/\.$/, '') || `error ${gap.errno} of the recorder`}.`,
    );
    if (index.damage === undefined) return lost === '' ? gaps : [...gaps, `${lost}: no segment of ${this.name} holds them.`];
    const after = index.endEvent > index.firstEvent ? `after event ${index.endEvent - 1}` : 'before its first event';
    return [...gaps, `${shortPath(segment.path)} is damaged ${after}: ${index.damage}.${lost === '' ? '' : ` ${lost}.`}`];
  }

  private problemsAtEnd(): string[] {
    if (this.started === undefined || this.started <= this.end) return [];
    return [`${this.name} began ${this.started} events, but its log ends before event ${this.end}. ${rangeLost(this.end, this.started)}.`];
  }

  /** The last segment that begins at or before event n; -1 for none. */
  private segmentOf(n: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.segments[middle] as Segment).head.firstEvent <= n) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private indexAt(at: number): SegmentIndex {
    return (this.segments[at] as Segment).index;
  }

  private absent(n: number): Error {
    if (!(n >= this.first && n < this.end)) return noSuchEvent(n, this.first, this.end);
    const at = this.segmentOf(n);
    const index = this.indexAt(at);
    const gap = index.gaps.find((g) => n >= g.first && n < g.first + g.count);
    if (gap !== undefined) return eventLost(n, gap.first, gap.first + gap.count);
    return eventLost(n, index.endEvent, this.segments[at + 1]?.head.firstEvent ?? this.end);
  }

  private read(at: number, i: number, number: number): RecordedEvent {
    const segment = this.segments[at] as Segment;
    const bytes = segment.bytes();
    const offset = segment.index.events.at(i);
    const type = segment.index.types.get(bytes.readUInt16LE(offset + MESSAGE.channel)) as EventType;
    const timeNs = bytes.readBigUInt64LE(offset + MESSAGE.logTime);
    const inputs = this.inputsBefore(at, i);
    const shown = this.shown(at, number);
    return {
      number,
      type,
      timeNs,
      payload: dataOf(bytes, offset),
      done: this.done(at, i, number),
      foreignFrees: foreignFreesOf(inputs),
      sender: senderOf(inputs),
      threadState: threadStateOf(inputs),
      sent: shown.flatMap((input) => readSent(input) ?? []),
      failures: shown.flatMap((input) => readFailure(input) ?? []),
    };
  }

  /** The `done` of the last event of a segment may have been written to the next one. */
  private done(at: number, i: number, number: number): EventDone | undefined {
    const here = this.segments[at] as Segment;
    const offset = here.index.dones.at(i);
    if (offset !== 0) return readDone(dataOf(here.bytes(), offset));
    const next = this.segments[at + 1];
    const later = next?.index.earlierDones.get(number);
    return next === undefined || later === undefined ? undefined : readDone(dataOf(next.bytes(), later));
  }

  /** Likewise, the inputs before the first event of a segment may be at the end of the one before. */
  private inputsBefore(at: number, i: number): Input[] {
    const before = i === 0 ? this.segments[at - 1] : undefined;
    const early = before === undefined ? [] : inputsBefore(before, before.index.events.length);
    return [...early, ...inputsBefore(this.segments[at] as Segment, i)];
  }

  /** And what is shown of the inside of an event may be in both. */
  private shown(at: number, number: number): Input[] {
    return this.segments.slice(at, at + 2).flatMap((segment) => {
      const found = segment.index.shown.filter(({ event }) => event === number);
      return found.map((shown) => readInput(dataOf(segment.bytes(), shown.at)));
    });
  }
}

function reservedBytes({ fileBytes, indexIfScanned: index }: Segment): number {
  return index === undefined || index.sealed !== undefined ? 0 : fileBytes - index.usedBytes;
}

function inputsBefore(segment: Segment, i: number): Input[] {
  const { inputEvents, inputs } = segment.index;
  const found: Input[] = [];
  for (let k = inputEvents.lowerBound(i); k < inputEvents.length && inputEvents.at(k) === i; k++)
    found.push(readInput(dataOf(segment.bytes(), inputs.at(k))));
  return found;
}

const dataOf = (bytes: Buffer, at: number): Buffer =>
  bytes.subarray(at + MESSAGE.data, at + RECORD_HEADER_BYTES + contentLength(bytes, at));

function rangeLost(from: number, to: number): string {
  if (to <= from) return '';
  return to === from + 1 ? `Event ${from} is lost` : `Events ${from} to ${to - 1} are lost`;
}
