// The recording along its time, a lane a reactor: how many events there were when, and which of them stand out.
//
// Times are nanoseconds since the first event of all. Of millions of events only those at the borders of the drawn pieces are read:
// times rise with the numbers, so each border is searched by halves.
import type { EventLog, ReactorInfo, Recording } from '../debug-adapter/recording';

/** From a time to a time. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export type MarkKind = 'snapshot' | 'failure' | 'answer' | 'crash' | 'here';

export interface Mark {
  readonly kind: MarkKind;
  readonly event: number;
  readonly at: number;
}

export interface Lane {
  readonly reactor: number;
  readonly name: string;
  readonly type: string;
  readonly events: number;
  /** Events in each of the equal pieces of the stretch. */
  readonly counts: readonly number[];
  readonly marks: readonly Mark[];
}

const PIECES = 180;
const LANES_MAX = 12;
const MARKS_MAX = 200;
/** Then they are read again, rather than kept for ever. */
const TIMES_KEPT = 200_000;

export class TimelineModel {
  readonly whole: Stretch;
  readonly reactors: readonly ReactorInfo[];
  /** Reactors that have no lane: there are too many, and less happened in them. */
  readonly left: number;
  private readonly originNs: bigint;
  private readonly clocks = new Map<number, Clock>();
  /** Of what was recorded: it is drawn after each step. */
  private readonly recorded = new Map<number, readonly Mark[]>();

  constructor(private readonly recording: Recording) {
    const all = recording.reactors.filter(({ id }) => recording.log(id).end > recording.log(id).first);
    const chosen = [...all].sort((a, b) => weight(b) - weight(a)).slice(0, LANES_MAX);
    this.reactors = chosen.sort((a, b) => a.id - b.id);
    this.left = all.length - chosen.length;
    const ends = this.reactors.map(({ id }) => endsOf(recording.log(id)));
    this.originNs = ends.reduce((least, [first]) => (first < least ? first : least), ends[0]?.[0] ?? 0n);
    const lastNs = ends.reduce((most, [, last]) => (last > most ? last : most), this.originNs);
    this.whole = { from: 0, to: Math.max(1, Number(lastNs - this.originNs)) };
  }

  get startNs(): bigint {
    return this.originNs;
  }

  lanes(stretch: Stretch): Lane[] {
    return this.reactors.map((reactor) => ({
      reactor: reactor.id,
      name: reactor.name,
      type: reactor.type,
      events: reactor.started,
      counts: this.clock(reactor.id).counts(stretch, PIECES),
      marks: this.marksOf(reactor).filter(({ at }) => at >= stretch.from && at <= stretch.to),
    }));
  }

  /** An event that stands out for who looks: where the session is, or in an answer. */
  mark(kind: MarkKind, reactor: number, event: number): Mark | undefined {
    const log = this.reactors.some(({ id }) => id === reactor) && this.recording.log(reactor);
    if (!log || event < log.first || event >= log.end) return undefined;
    return { kind, event, at: this.clock(reactor).timeOf(event) };
  }

  /** The last event that had begun at a time, or the first of all. */
  eventAt(reactor: number, at: number): number {
    const { first } = this.recording.log(reactor);
    return Math.max(first, this.clock(reactor).firstAfter(at) - 1);
  }

  private marksOf(reactor: ReactorInfo): readonly Mark[] {
    const marks = this.recorded.get(reactor.id) ?? this.readMarks(reactor);
    this.recorded.set(reactor.id, marks);
    return marks;
  }

  private readMarks({ id, crashEvent, failures }: ReactorInfo): Mark[] {
    const snapshots = this.recording.snapshots(id).map(({ position }) => this.mark('snapshot', id, position));
    const failed = failures === 0 ? [] : [...this.recording.log(id).failed()].slice(-MARKS_MAX);
    const crash = crashEvent === undefined ? [] : [this.mark('crash', id, crashEvent)];
    const marks = [...snapshots.slice(-MARKS_MAX), ...failed.map(({ number }) => this.mark('failure', id, number)), ...crash];
    return marks.filter((mark) => mark !== undefined);
  }

  private clock(reactor: number): Clock {
    const clock = this.clocks.get(reactor) ?? new Clock(this.recording.log(reactor), this.originNs);
    this.clocks.set(reactor, clock);
    return clock;
  }
}

/** The times of one reactor's events. */
class Clock {
  private readonly known = new Map<number, number>();

  constructor(
    private readonly log: EventLog,
    private readonly originNs: bigint,
  ) {}

  /** Of an event that was lost: the time of the next. */
  timeOf(event: number): number {
    const known = this.known.get(event);
    if (known !== undefined) return known;
    const { value } = this.log.events(event, this.log.end - event).next();
    const at = value === undefined ? Infinity : Number(value.timeNs - this.originNs);
    if (this.known.size >= TIMES_KEPT) this.known.clear();
    this.known.set(event, at);
    return at;
  }

  firstAfter(at: number, low = this.log.first): number {
    let high = this.log.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.timeOf(middle) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  counts({ from, to }: Stretch, pieces: number): number[] {
    let before = this.firstAfter(from - 1);
    return [...Array(pieces).keys()].map((piece) => {
      const next = this.firstAfter(from + ((to - from) * (piece + 1)) / pieces, before);
      const count = next - before;
      before = next;
      return count;
    });
  }
}

/** The crash is always of interest, else where the most happened. */
const weight = ({ crashEvent, started }: ReactorInfo): number => (crashEvent === undefined ? started : Infinity);

function endsOf(log: EventLog): [first: bigint, last: bigint] {
  const first = log.events(log.first, log.end - log.first).next().value;
  const last = log.events(log.end - 1, 1).next().value;
  return [first?.timeNs ?? 0n, last?.timeNs ?? first?.timeNs ?? 0n];
}
