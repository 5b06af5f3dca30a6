// The events of one reactor, over all its segments. Finding event n costs a binary search over the segments and at most one
// scan; a million events are two columns of numbers, and an event becomes an object only when it is asked for.

import { eventLost, noSuchEvent } from './errors';
import { type EventDone, type EventType, readDone, type RecordedEvent } from './event-types';
import { foreignFreesOf, type Input, readFailure, readInput, readSent, senderOf, threadStateOf } from './inputs';
import { contentLength, MESSAGE, RECORD_HEADER_BYTES } from './mcap';
import { eventIndex, type SegmentIndex } from './segment-index';
import { type Segment, type SegmentList, shortPath } from './segments';
import { grouped } from './numbers';

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
    const event = this.find(n);
    if (event === undefined) throw this.absent(n);
    return event;
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

  /** The numbers of events, chosen by type and bytes alone; a segment at a time, which is read if it was not. */
  *chosen(isWanted: (type: EventType, payload: Buffer) => boolean): Generator<number[]> {
    for (const segment of this.segments) {
      const { index } = segment;
      const bytes = segment.bytes();
      const numbers: number[] = [];
      for (let n = index.firstEvent; n < index.endEvent; n++) {
        const i = eventIndex(index, n);
        if (i === undefined) continue;
        const offset = index.events.at(i);
        if (isWanted(typeAt(index, bytes, offset), dataOf(bytes, offset))) numbers.push(n);
      }
      yield numbers;
    }
  }

  /** The events in which something went wrong, in the order of that. Scans every segment. */
  *failed(): Generator<RecordedEvent> {
    const found = new Set<number>();
    for (const { index } of this.segments) {
      for (const number of new Set(index.shown.map(({ event }) => event))) {
        const event = found.has(number) ? undefined : this.find(number);
        if (event === undefined || event.failures.length === 0) continue;
        found.add(number);
        yield event;
      }
    }
  }

  /** The first event that had not ended when the log did: others, nested in it, may have. Scans every segment. */
  get firstUnfinished(): number | undefined {
    let open = new Set<number>();
    for (const [at, { index }] of this.segments.entries()) {
      if (at > 0 && this.indexAt(at - 1).endEvent !== index.firstEvent) open = new Set(); // nobody knows what was there
      for (const number of index.earlierDones.keys()) open.delete(number);
      for (const number of unfinishedIn(index)) open.add(number);
    }
    return open.values().next().value;
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

  private find(n: number): RecordedEvent | undefined {
    const at = this.segmentOf(n);
    const index = at < 0 ? undefined : eventIndex(this.indexAt(at), n);
    return index === undefined ? undefined : this.read(at, index, n);
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
    const after = index.endEvent > index.firstEvent ? `after event ${grouped(index.endEvent - 1)}` : 'before its first event';
    return [...gaps, `${shortPath(segment.path)} is damaged ${after}: ${index.damage}.${lost === '' ? '' : ` ${lost}.`}`];
  }

  private problemsAtEnd(): string[] {
    if (this.started === undefined || this.started <= this.end) return [];
    return [
      `${this.name} began ${grouped(this.started)} events, but its log ends before event ${grouped(this.end)}. ${rangeLost(this.end, this.started)}.`,
    ];
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
    const timeNs = bytes.readBigUInt64LE(offset + MESSAGE.logTime);
    const inputs = this.inputsBefore(at, i);
    const shown = this.shown(at, i, number);
    return {
      number,
      type: typeAt(segment.index, bytes, offset),
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

  private done(at: number, i: number, number: number): EventDone | undefined {
    const segment = this.extent(at, i, number).at(-1) as Segment;
    const offset = segment === this.segments[at] ? segment.index.dones.at(i) : (segment.index.earlierDones.get(number) ?? 0);
    return offset === 0 ? undefined : readDone(dataOf(segment.bytes(), offset));
  }

  /** The segments that an event fills: mostly its own. Others, up to its end, if it asked for much or sent events to itself. */
  private extent(at: number, i: number, number: number): readonly Segment[] {
    if (this.indexAt(at).dones.at(i) !== 0) return this.segments.slice(at, at + 1);
    let last = at;
    for (let next = at + 1; next < this.segments.length && this.indexAt(last).endEvent === this.segments[next]?.head.firstEvent; next++) {
      last = next;
      if (this.indexAt(next).earlierDones.has(number)) break;
    }
    return this.segments.slice(at, last + 1);
  }

  /** Those before the first event of a segment may be at the end of the one before, or fill several. */
  private inputsBefore(at: number, i: number): Input[] {
    const found = inputsBefore(this.segments[at] as Segment, i);
    for (let before = at - 1; i === 0 && before >= 0; before--) {
      const { index } = this.segments[before] as Segment;
      if (index.endEvent !== this.indexAt(at).firstEvent) break;
      found.unshift(...inputsBefore(this.segments[before] as Segment, index.events.length));
      if (index.events.length > 0) break;
    }
    return found;
  }

  private shown(at: number, i: number, number: number): Input[] {
    return this.extent(at, i, number).flatMap((segment) => {
      const found = segment.index.shown.filter(({ event }) => event === number);
      return found.map((shown) => readInput(dataOf(segment.bytes(), shown.at)));
    });
  }
}

function reservedBytes({ fileBytes, indexIfScanned: index }: Segment): number {
  return index === undefined || index.sealed !== undefined ? 0 : fileBytes - index.usedBytes;
}

function* unfinishedIn(index: SegmentIndex): Generator<number> {
  for (let n = index.firstEvent; n < index.endEvent; n++) {
    const i = eventIndex(index, n);
    if (i !== undefined && index.dones.at(i) === 0) yield n;
  }
}

function inputsBefore(segment: Segment, i: number): Input[] {
  const { inputEvents, inputs } = segment.index;
  const found: Input[] = [];
  for (let k = inputEvents.lowerBound(i); k < inputEvents.length && inputEvents.at(k) === i; k++)
    found.push(readInput(dataOf(segment.bytes(), inputs.at(k))));
  return found;
}

const typeAt = (index: SegmentIndex, bytes: Buffer, at: number): EventType =>
  index.types.get(bytes.readUInt16LE(at + MESSAGE.channel)) as EventType;

const dataOf = (bytes: Buffer, at: number): Buffer =>
  bytes.subarray(at + MESSAGE.data, at + RECORD_HEADER_BYTES + contentLength(bytes, at));

function rangeLost(from: number, to: number): string {
  if (to <= from) return '';
  return to === from + 1 ? `Event ${grouped(from)} is lost` : `Events ${grouped(from)} to ${grouped(to - 1)} are lost`;
}
