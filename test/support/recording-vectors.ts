// The vectors in fixtures/recordings: small recordings of every kind, whole and damaged, for both readers. Each is a bundle
// and, beside it, what a reader must say about it.

import { record, SegmentWriter, u16, u32, u64 } from './mcap-writer';
import {
  compressedSnapshot,
  control,
  type Files,
  manifest,
  reactorFile,
  segmentName,
  snapshot,
  snapshotName,
  threadState,
  UUID,
} from './recording-writer';

const ORDER = { id: 16, name: 'shop::Order', bytes: 16, thunk: 0x555555556010n };
const CANCEL = { id: 17, name: 'shop::Cancel', codec: 'custom' as const, thunk: 0x555555556020n };
const RAW = { id: 18, name: 'std::span<std::byte const>', codec: 'bytes' as const, thunk: 0x555555556030n };

const LETTER = { id: 19, name: 'shop::Letter', codec: 'made' as const, bytes: 16, thunk: 0x555555556040n };

export const order = (id: number, amount: number) => Buffer.concat([u64(id), u64(amount)]);
export const segment = (number: number, firstEvent: number, reactor = 0) =>
  new SegmentWriter({ uuid: UUID, reactor, segment: number, firstEvent, timeNs: 1_763_823_600_000_000_000n + BigInt(number) * 1_000_000n });

/** A segment of `count` plain events, all done; the last one is not when `crashed`. */
export function orders(number: number, firstEvent: number, count: number, crashed = false): SegmentWriter {
  const writer = segment(number, firstEvent).type(ORDER);
  for (let n = firstEvent; n < firstEvent + count; n++) {
    writer.event(n, 16, order(n, 100 + (n % 100)));
    if (!crashed || n < firstEvent + count - 1) writer.done(n, { durationNs: 1000 + (n % 100), allocations: BigInt(n) * 7n });
  }
  return writer;
}

const base = (files: Files): Files => ({ 'manifest.json': manifest(), 'r0/reactor.json': reactorFile(0, 'shop', 'shop::Shop'), ...files });
const r0 = (number: number) => `r0/${segmentName(number)}`;
const snap = (position: number) => `r0/${snapshotName(position)}`;

export const vectors: Record<string, () => Files> = {
  'closed-every-record': () => {
    const writer = segment(1, 0).type(ORDER).event(0, 16, order(7, 100)).done(0, { durationNs: 1250, allocations: 0x1111n });
    writer.type(CANCEL).event(1, 17, 'cancel 7').done(1, { durationNs: 990, threw: true, allocations: 0x2222n, outbound: 0x3333n });
    writer.foreignFrees(2, 0x4000_0000_1040n, 0x4000_0000_2080n).foreignFrees(2, 0x4000_0000_30c0n);
    writer.type(RAW).event(2, 18, '').done(2, { durationNs: 0xffffffff });
    const files = {
      [r0(1)]: writer.sealed(),
      [snap(0)]: snapshot({ position: 0, pages: 3 }),
      [snap(2)]: snapshot({ position: 2, parent: 0, kind: 2 }),
    };
    return base({ ...files, control: control({ closed: true, reactors: [{ started: 3, finished: 3, state: 2, snapshot: 2 }] }) });
  },

  'crashed-two-reactors': () => ({
    ...base({
      [r0(1)]: orders(1, 0, 5).sealed(),
      [r0(2)]: orders(2, 5, 4, true).live(),
      [r0(3)]: Buffer.alloc(8192), // prepared, never begun
      [snap(0)]: snapshot({ position: 0 }),
      'r0/snap-000000000008.core.tmp': 'half a snapshot',
    }),
    'r1/reactor.json': reactorFile(1, 'audit', 'shop::Audit'),
    [`r1/${segmentName(1)}`]: segment(1, 0, 1).type(RAW).event(0, 18, 'hello').done(0).live(),
    [`r1/${snapshotName(0)}`]: snapshot({ reactor: 1, position: 0 }),
    control: control({ crash: { reactor: 0, event: 8 }, reactors: [{ started: 9, finished: 8 }, { started: 1, finished: 1 }] }), // prettier-ignore
  }),

  'crashed-nested': () => {
    const writer = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0);
    writer.event(1, 16, order(1, 2)).event(2, 16, order(2, 3)).done(2).event(3, 16, order(3, 4)); // 2 and 3 inside 1; 3 crashes
    const progress = [{ started: 4, finished: 1 }];
    return base({ [r0(1)]: writer.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ crash: { reactor: 0, event: 3, signal: 6, code: -6 }, reactors: progress }) }); // prettier-ignore
  },

  'ring-beyond-32-bits': () => {
    const first = 2 ** 32 - 3;
    const files = {
      [r0(40)]: orders(40, first, 5).sealed(),
      [r0(41)]: orders(41, first + 5, 3).live(),
      [snap(first)]: snapshot({ position: first }),
    };
    return base({ ...files, control: control({ reactors: [{ started: first + 8, finished: first + 8, snapshot: first }] }) });
  },

  'records-across-segments': () => {
    const one = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0).event(1, 16, order(1, 2)).foreignFrees(2, 0x4000_0000_1000n);
    const two = segment(2, 2).type(ORDER).done(1, { durationNs: 77 }).foreignFrees(2, 0x4000_0000_2000n).event(2, 16, order(2, 3)).done(2);
    return base({ [r0(1)]: one.sealed(), [r0(2)]: two.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 3, finished: 3 }] }) }); // prettier-ignore
  },

  'events-of-many-segments': () => {
    // What event 1 asked for fills segments; so do events that event 3 delivers. Event 5 is the one it crashed in.
    const one = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0).event(1, 16, order(1, 2)).sent(1, 1, 'shop::Entry', 'one');
    const two = segment(2, 2).type(ORDER).sent(1, 1, 'shop::Entry', 'two').failure(1, 0x555555556123n, 'no room');
    const three = segment(3, 2)
      .type(ORDER)
      .sent(1, 1, 'shop::Entry', 'three')
      .done(1, { durationNs: 77 })
      .foreignFrees(2, 0x4000_0000_1000n);
    const four = segment(4, 2).type(ORDER).event(2, 16, order(2, 3)).done(2).event(3, 16, order(3, 4));
    const five = segment(5, 4).type(ORDER).event(4, 16, order(4, 5)).done(4);
    const six = segment(6, 5).type(ORDER).done(3, { durationNs: 99 }).event(5, 16, order(5, 6));
    const seven = segment(7, 6).type(ORDER).sent(5, 1, 'shop::Entry', 'last').failure(5, 0n, 'abort() was called');
    const sealed = { [r0(1)]: one.sealed(), [r0(2)]: two.sealed(), [r0(3)]: three.sealed(), [r0(4)]: four.sealed(), [r0(5)]: five.sealed(), [r0(6)]: six.sealed() }; // prettier-ignore
    return base({ ...sealed, [r0(7)]: seven.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ crash: { reactor: 0, event: 5, signal: 6 }, reactors: [{ started: 6, finished: 5, failures: 2 }] }) }); // prettier-ignore
  },

  'crashed-behind-nested-segments': () => {
    // Events 2 to 4 were delivered by event 1, and filled the segments up to its crash.
    const one = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0).event(1, 16, order(1, 2));
    const files = { [r0(1)]: one.sealed(), [r0(2)]: orders(2, 2, 1).sealed(), [r0(3)]: orders(3, 3, 2).live() };
    return base({ ...files, [snap(0)]: snapshot({ position: 0 }), control: control({ crash: { reactor: 0, event: 1 }, reactors: [{ started: 5, finished: 1 }] }) }); // prettier-ignore
  },

  'inputs-fill-segments': () => {
    // What others freed before event 1 takes the rest of a segment, two of their own, and the beginning of the one with the event.
    const one = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0).foreignFrees(1, 0x4000_0000_1000n);
    const two = segment(2, 1).type(ORDER).foreignFrees(1, 0x4000_0000_2000n);
    const three = segment(3, 1).type(ORDER).foreignFrees(1, 0x4000_0000_3000n, 0x4000_0000_4000n);
    const four = segment(4, 1).type(ORDER).foreignFrees(1, 0x4000_0000_5000n).event(1, 16, order(1, 2)).done(1);
    const files = { [r0(1)]: one.sealed(), [r0(2)]: two.sealed(), [r0(3)]: three.sealed(), [r0(4)]: four.live() };
    return base({ ...files, [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 2, finished: 2 }] }) });
  },

  'large-event-out-of-turn': () => {
    // Segment 2 was prepared when an event came that needed one of its own.
    const files = { [r0(1)]: orders(1, 0, 2).sealed(), [r0(2)]: orders(2, 3, 2).live(), [r0(3)]: orders(3, 2, 1).sealed() };
    return base({ ...files, [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 5, finished: 5 }] }) });
  },

  'inputs-inside': () => {
    // Inside react() of event 1 a reactor was created, and event 2 delivered; 2 took another input of 1 with it.
    const created = Buffer.concat([u64(0x4010_0000_0000n), u64(0x4010_0000_1040n), u64(1)]);
    const writer = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0).foreignFrees(1, 0x4000_0000_1000n);
    writer.event(1, 16, order(1, 2)).input(1, 2, created).event(2, 16, order(2, 3)).input(1, 2, created).done(2).done(1);
    return base({ [r0(1)]: writer.live(), [r0(2)]: segment(2, 3).live().fill(0, 8), [snap(0)]: snapshot({ position: 0 }), control: control({ closed: true, reactors: [{ started: 3, finished: 3 }] }) }); // prettier-ignore
  },

  'failures-inside': () => {
    const writer = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0);
    writer.event(1, 16, order(1, 2)).failure(1, 0x555555556123n, 'double free: 0x400044010070').failure(1, 0n, '').done(1);
    writer.event(2, 16, order(2, 3)).failure(2, 0x555555556456n, 'assertion failed: \u2713');
    const reactors = [{ started: 3, finished: 2, failures: 3 }];
    return base({ [r0(1)]: writer.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ crash: { reactor: 0, event: 2, signal: 6 }, reactors }) }); // prettier-ignore
  },

  'made-in-the-heap': () => {
    const [allocate, free] = [1, 3];
    const operation = (kind: number, address: bigint, value: bigint, hasContents: number) =>
      Buffer.concat([u64(address), u64(value), u16(kind), u16(hasContents), u32(0)]);
    const [letter, text] = [0x4000_0000_1040n, 0x4000_0000_2080n];
    const operations = [operation(allocate, letter, 16n, 1), operation(allocate, text, 5n, 1), operation(free, text, 0x555555556123n, 0)];
    const made = (version: number) => Buffer.concat([u32(version), u32(operations.length), u64(letter), ...operations, u64(text), u64(5), Buffer.from('hello')]); // prettier-ignore
    const writer = segment(1, 0).type(LETTER).event(0, 19, made(1)).done(0).event(1, 19, made(2)).done(1);
    writer.event(2, 19, made(1).subarray(0, -1)).done(2).event(3, 19, '').done(3); // of another version, cut off, empty
    return base({ [r0(1)]: writer.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 4, finished: 4 }] }) }); // prettier-ignore
  },

  'one-sends-to-another': () => {
    const shop = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).sent(0, 1, 'shop::Entry', 'one').sent(0, 1, 'shop::Entry', '').done(0);
    const audit = segment(1, 0, 1).type(RAW).sender(0, 0, 0, 0).event(0, 18, 'one').done(0).foreignFrees(1, 0x4000_0000_1000n);
    return {
      ...base({ [r0(1)]: shop.live(), [snap(0)]: snapshot({ position: 0 }) }),
      'r1/reactor.json': reactorFile(1, 'audit', 'shop::Audit'),
      [`r1/${segmentName(1)}`]: audit.sender(1, 0, 0, 1).event(1, 18, '').done(1).live(),
      [`r1/${snapshotName(0)}`]: snapshot({ reactor: 1, position: 0 }),
      control: control({ closed: true, reactors: [{ started: 1, finished: 1 }, { started: 2, finished: 2 }] }), // prettier-ignore
    };
  },

  'state-outside': () => {
    // Event 1 was run by another thread; each event has digests of the state behind it.
    const variables = [[0x5555_5555_4000n, Buffer.from('0123456789abc')]] as const;
    const other = threadState({ mxcsr: 0x3f80, x87Control: 0x27f, variables });
    const writer = segment(1, 0)
      .type(ORDER)
      .event(0, 16, order(0, 1))
      .done(0, { digests: [0x11n, 0x22n] });
    writer
      .input(1, 7, other)
      .event(1, 16, order(1, 2))
      .done(1, { digests: [0x33n, 0x44n] });
    const first = snapshot({ position: 0, thread: threadState({ variables }), locale: 'C.UTF-8\0C\0' });
    const second = snapshot({ position: 2, thread: other, locale: 'C\0*\0' });
    return base({ [r0(1)]: writer.live(), [snap(0)]: first, [snap(2)]: second, control: control({ closed: true, reactors: [{ started: 2, finished: 2 }] }) }); // prettier-ignore
  },

  'damaged-snapshots-compressed': () => {
    const [first, second] = [compressedSnapshot({ position: 2, pages: 5 }, 8192), compressedSnapshot({ position: 3, parent: 2, kind: 2 })];
    const files = {
      [r0(1)]: orders(1, 0, 7).live(),
      [snap(0)]: snapshot({ position: 0 }), // the reactor waited for it
      [`${snap(0)}.zst`]: compressedSnapshot({ position: 0, pages: 4 }), // from before
      [`${snap(2)}.zst`]: first,
      [`${snap(3)}.zst`]: second,
      [`${snap(4)}.zst`]: first.subarray(0, first.length - 5),
      [`${snap(5)}.zst.tmp`]: first.subarray(0, 100),
      [`${snap(6)}.zst`]: Buffer.concat([first.subarray(0, 8), Buffer.alloc(24), first.subarray(32)]),
    };
    return base({ ...files, control: control({ closed: true, reactors: [{ started: 7, finished: 7 }] }) });
  },

  'newer-minor': () => {
    const writer = segment(1, 0)
      .raw(record(0x80, Buffer.from('private')))
      .type(ORDER)
      .channel(7, 0, 'later', 'x-later', { a: 'b' });
    writer
      .event(0, 16, order(0, 1))
      .message(7, 0, Buffer.from('?'))
      .input(1, 9, Buffer.from('new kind'))
      .done(0)
      .event(1, 16, order(1, 2))
      .done(1);
    const newer = { ...manifest({ format: { name: 'afterimage', major: 1, minor: 9, codename: 'x' } }), clocks: [{ name: 'tsc' }] };
    return base({ [r0(1)]: writer.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ closed: true, reactors: [{ started: 2, finished: 2 }] }), 'manifest.json': newer }); // prettier-ignore
  },

  'recorder-gap': () => {
    const writer = segment(1, 0)
      .type(ORDER)
      .event(0, 16, order(0, 1))
      .done(0)
      .gap(1, 4, 28, 'No space left on device')
      .event(5, 16, order(5, 6))
      .done(5);
    const failure = { errno: 28, text: 'Events 1 to 4 could not be written: No space left on device.' };
    return base({ [r0(1)]: writer.live(), [snap(0)]: snapshot({ position: 0 }), control: control({ closed: true, failure, reactors: [{ started: 6, finished: 6 }] }) }); // prettier-ignore
  },

  'damaged-cut-off': () => {
    const whole = orders(1, 0, 4, true).live(0);
    return base({ [r0(1)]: whole.subarray(0, whole.length - 5), [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 4, finished: 3 }] }) }); // prettier-ignore
  },

  'damaged-middle-segment': () => {
    const files = { [r0(1)]: orders(1, 0, 3).sealed(), [r0(2)]: orders(2, 3, 3).sealed().subarray(0, 60), [r0(3)]: orders(3, 6, 2).live() };
    return base({ ...files, [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 8, finished: 8 }] }) });
  },

  'damaged-event-missing': () => {
    const writer = orders(1, 0, 2).event(3, 16, order(3, 4)).done(3);
    return base({ [r0(1)]: writer.live(), [r0(2)]: orders(2, 5, 1).live(), [snap(0)]: snapshot({ position: 0 }), control: control({ reactors: [{ started: 6, finished: 6 }] }) }); // prettier-ignore
  },

  'damaged-nested-no-control': () => {
    const one = segment(1, 0).type(ORDER).event(0, 16, order(0, 1)).done(0).event(1, 16, order(1, 2));
    return base({ [r0(1)]: one.sealed(), [r0(2)]: orders(2, 2, 1).live(), [snap(0)]: snapshot({ position: 0 }) });
  },

  'damaged-no-control': () =>
    base({
      [r0(1)]: orders(1, 0, 3, true).live(),
      [snap(0)]: snapshot({ position: 0 }),
      [snap(2)]: snapshot({ position: 2, pages: 2 }).subarray(0, 9000),
    }),
};
