// afterimage last-write: replays, and names the event that last changed a piece of memory.

import { type RecordedEvent, type Recording, signalName } from '../recording';
import { findProgram } from '../replay/find-program';
import { Replayer } from '../replay/replayer';
import { type Crash, type Writes } from '../replay/reports';
import { addressOf, chosenReactor, wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { notInHeap, replayCrashed } from './errors';
import { type Output, progressBar } from './output';
import { counted, hexAddress, printable, timeOfDay } from './text';

const BYTES_MAX = 1 << 20;

export interface LastWriteOptions {
  readonly address: string;
  readonly bytes: string;
  readonly before?: string;
  readonly reactor?: string;
  readonly program?: string;
  readonly force?: boolean;
}

export async function lastWrite(recording: Recording, options: LastWriteOptions, output: Output): Promise<ExitCode> {
  const reactor = chosenReactor(recording, options.reactor);
  const address = addressOf(options.address);
  const bytes = Math.min(BYTES_MAX, Math.max(1, wholeNumber('--bytes', options.bytes, { example: '8' })));
  if (address < reactor.heapBase || address + BigInt(bytes) > reactor.heapBase + reactor.heapBytes) {
    throw notInHeap(hexAddress(address), reactor.name, hexAddress(reactor.heapBase), hexAddress(reactor.heapBase + reactor.heapBytes));
  }
  // Up to the crashing event, which cannot be finished.
  const end = reactor.crashEvent ?? recording.log(reactor.id).end;
  const before = options.before === undefined ? end : wholeNumber('--before', options.before);
  const program = findProgram(recording, options.program);
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force: options.force === true });
  try {
    const writes = await ask(replayer, address, bytes, before, output);
    const event = writes.last < 0 ? undefined : recording.log(reactor.id).event(writes.last);
    if (output.json) output.document(document(reactor.id, address, bytes, before, writes, event));
    else show(address, bytes, before, writes, event, output);
    return event === undefined ? ExitCode.negative : ExitCode.ok;
  } finally {
    await replayer.quit();
  }
}

async function ask(replayer: Replayer, address: bigint, bytes: number, before: number, output: Output): Promise<Writes> {
  const ready = await replayer.ready();
  const bar = progressBar('comparing', ready.position, before, output.json);
  replayer.on('progress', (position) => bar.update(position));
  try {
    const answer: Writes | Crash = await replayer.lastWrite(address, bytes, before);
    if (answer.event === 'crash') throw replayCrashed(answer.eventNumber, signalName(answer.signal));
    return answer;
  } finally {
    bar.stop();
  }
}

function document(reactor: number, address: bigint, bytes: number, before: number, writes: Writes, event: RecordedEvent | undefined) {
  return {
    reactor,
    address: hexAddress(address),
    bytes,
    before,
    writes: writes.count,
    firstEvent: writes.first < 0 ? null : writes.first,
    event:
      event === undefined
        ? null
        : { number: event.number, type: event.type.name, timeNs: event.timeNs, payload: event.payload.toString('hex') },
    bytesBefore: writes.before.toString('hex'),
    bytesAfter: writes.after.toString('hex'),
  };
}

function show(address: bigint, bytes: number, before: number, writes: Writes, event: RecordedEvent | undefined, output: Output): void {
  const { colors: c, line } = output;
  const what = `${counted(bytes, 'byte')} at ${hexAddress(address)}`;
  if (event === undefined) return line(`No event before ${before} changed the ${what}.`);
  line(
    `${c.bold(`Event ${event.number}`)} was the last before ${before} to change the ${what}; ${writes.count} did, the first was ${writes.first}.`,
  );
  line();
  line(`  ${c.dim('before')}  ${c.red(spaced(writes.before, output.width))}`);
  line(`  ${c.dim('after')}   ${c.green(spaced(writes.after, output.width))}`);
  line(
    `  ${c.dim('event')}   ${timeOfDay(event.timeNs)}  ${printable(event.type.name)}  ${spaced(event.payload, output.width - 30 - event.type.name.length)}`,
  );
}

function spaced(bytes: Buffer, width: number): string {
  const fitting = Math.max(8, Math.floor((width - 12) / 3));
  const hex = [...bytes.subarray(0, fitting)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > fitting ? `${hex}\u2026` : hex;
}
