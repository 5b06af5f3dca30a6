import assert from 'node:assert/strict';
import { type Frame } from '../../../debug-adapter/gdb/commands';
import { type CrashReport } from '../../../debug-adapter/recording';
import { BLOCK_BYTES, decodeBlock, encodeWord } from '../../../debug-adapter/replay/replay-block';
import { compareCrash, describeCrash, whereabouts } from '../../../debug-adapter/replay/stops';

const frame = (name: string, library?: string): Frame => ({
  level: 0,
  address: 0n,
  function: name,
  file: undefined,
  fullName: undefined,
  line: 1,
  library,
});

const below = [
  frame('afterimage::detail::react_thunk<Board, Flight>'),
  frame('afterimage::replay::Replayer::dispatch'),
  frame('afterimage_rewind', '/usr/lib/libafterimage.so.0'),
];

describe('whose code a stack is in', () => {
  const cases = [
    { title: 'react() itself', frames: [frame('Board::react'), ...below], want: { kind: 'user' } },
    { title: 'react(), called by a jump', frames: [frame('Board::react'), ...below.slice(1)], want: { kind: 'user' } },
    { title: 'a function without a name', frames: [{ ...frame(''), function: undefined }, frame('Board::react'), ...below], want: { kind: 'user' } },
    { title: 'the library, called by react()', frames: [frame('afterimage::ReactorRef<L>::deliver<T>'), frame('Board::react'), ...below], want: { kind: 'called', from: 1 } },
    { title: 'the thunk, after react()', frames: below, want: { kind: 'left' } },
    { title: 'a codec of the user’s, which is part of the delivery', frames: [frame('afterimage::Codec<Order>::decode'), ...below], want: { kind: 'left' } },
  ]; // prettier-ignore
  for (const { title, frames, want } of cases) it(title, () => assert.deepEqual(whereabouts(frames), want));
});

describe('a crash in the replay', () => {
  const crash = { signal: 11, code: 1, address: 0x20n, rip: 0x1000n, event: 7 };
  const recorded = { ...crash, signalName: 'SIGSEGV', rsp: 0x7ffe_0000_0000n } as unknown as CrashReport;

  it('is described with signal, meaning and address', () => {
    assert.equal(describeCrash(crash), 'SIGSEGV (address not mapped) at address 0x20');
    assert.equal(describeCrash({ signal: 6, code: -6, address: 0n }), 'SIGABRT (abort() or a failed assertion)');
  });

  it('is the same when everything is', () => assert.match(compareCrash(crash, recorded), /^The same as recorded/));

  it('names all that differs', () => {
    const other = { ...recorded, event: 9, signal: 6, rip: 0x2000n };
    assert.match(
      compareCrash(crash, other),
      /^Not the same as recorded: the program crashed in event 9, with SIGABRT, at instruction 0x2000\.$/,
    );
  });

  it('compares addresses only where the signal has one', () => {
    const abort = { signal: 6, code: -6, address: 1n, rip: 5n, event: 7 };
    assert.match(compareCrash(abort, { ...abort, address: 2n, rsp: 0n } as unknown as CrashReport), /^The same/);
    assert.match(compareCrash(crash, { ...recorded, address: 0x28n }), /at address 0x28/);
  });

  it('compares no addresses when the stack has overflowed: it lies elsewhere', () => {
    const overflow = { ...recorded, address: 0x7ffd_ffff_fff8n };
    assert.match(compareCrash({ ...crash, address: 0x7ffc_0000_0ff8n, rip: 0x1010n }, overflow), /^The same as recorded.*overflowed/);
  });

  it('cannot be compared without a recorded one', () => assert.match(compareCrash(crash, undefined), /does not say/));
});

describe('the replay block', () => {
  it('is read as the replayer writes it', () => {
    const bytes = Buffer.alloc(BLOCK_BYTES);
    [1, 50, 2, 99, 60, 2, 1, 0x4000, 0x5000, 0x6000, 24].forEach((word, index) => bytes.writeBigUInt64LE(BigInt(word), index * 8));
    const want = { position: 50, first: 2, end: 99, inReact: true, object: 0x4000n, payload: 0x6000n, payloadBytes: 24 };
    assert.deepEqual(decodeBlock(bytes), want);
  });

  it('of another version, or cut off, is none', () => {
    assert.equal(decodeBlock(Buffer.alloc(BLOCK_BYTES, 7)), undefined);
    assert.equal(decodeBlock(Buffer.alloc(8)), undefined);
  });

  it('takes a target', () => assert.deepEqual([...encodeWord(0x0102)], [2, 1, 0, 0, 0, 0, 0, 0]));
});
