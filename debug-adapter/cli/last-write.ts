// afterimage last-write, first-write: replays, and names the event that last (or first) changed a piece of memory. The memory is
// given by its address, or as a C++ expression, which means the storage that it has at the end of the range.

import { counted, grouped, type ReactorInfo, type Recording } from '../recording';
import { checkInHeap, storageOf, type Storage } from '../questions/storage';
import { findWrite, type FoundWrite } from '../questions/writes';
import { addressOf, chosenReactor, wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { addressOrExpression } from './errors';
import { pathOf } from './given-recording';
import { hint, type Output, showSentence } from './output';
import { gdbOf, rangeOf, type ReplayerOptions, warnIfUnfaithful, withProgress } from './query';
import { hexAddress, printable, timeOfDay } from './text';

export interface WriteOptions extends ReplayerOptions {
  readonly address?: string;
  readonly bytes?: string;
  readonly expression?: string;
  readonly before?: string;
}

const WORD = 8;
/** Small numbers are counts more often than addresses. */
const SMALL = 1_000_000n;

type Which = 'first' | 'last';

export const lastWrite = (recording: Recording, options: WriteOptions, output: Output) => write('last', recording, options, output);
export const firstWrite = (recording: Recording, options: WriteOptions, output: Output) => write('first', recording, options, output);

interface Answer extends FoundWrite {
  readonly which: Which;
  readonly before: number;
  readonly expression: string | undefined;
}

async function write(which: Which, recording: Recording, options: WriteOptions, output: Output): Promise<ExitCode> {
  const { expression } = options;
  const given = givenStorage(options);
  if (given !== undefined) checkInHeap(chosenReactor(recording, options.reactor), given);
  const range = rangeOf(recording, { ...options, ...(options.before === undefined ? {} : { to: options.before }) });
  const where = given ?? (await storageOf(range, expression ?? '', gdbOf(options)));
  const found = await withProgress(range, options, output, (asking) => findWrite(range, which, where, asking));
  const answer = { ...found, which, before: range.to, expression };
  if (output.json) output.document(document(range.reactor, answer));
  else show(answer, recording, output);
  return answer.event === undefined ? ExitCode.negative : ExitCode.ok;
}

/** The memory that --address and --bytes name; undefined when there is an expression instead. */
function givenStorage({ address, bytes, expression }: WriteOptions): Storage | undefined {
  if (expression !== undefined && address === undefined && bytes === undefined) return undefined;
  if (expression !== undefined || address === undefined) throw addressOrExpression();
  return { address: addressOf(address), bytes: bytes === undefined ? WORD : Math.max(1, wholeNumber('--bytes', bytes, { example: '8' })) };
}

function document(reactor: ReactorInfo, { which, address, bytes, expression, before, writes, event, faithful }: Answer) {
  return {
    reactor: reactor.id,
    ...(expression === undefined ? {} : { expression }),
    address: hexAddress(address),
    bytes,
    before,
    ...(which === 'first' ? {} : { writes: writes.count, firstEvent: writes.first < 0 ? null : writes.first }),
    event:
      event === undefined
        ? null
        : { number: event.number, type: event.type.name, timeNs: event.timeNs, payload: event.payload.toString('hex') },
    bytesBefore: writes.before.toString('hex'),
    bytesAfter: writes.after.toString('hex'),
    faithful,
  };
}

function show(answer: Answer, recording: Recording, output: Output): void {
  const { which, address, bytes, expression, before, writes, event, faithful } = answer;
  const { colors: c, line, width } = output;
  const place = `${counted(bytes, 'byte')} at ${hexAddress(address)}`;
  const what = expression === undefined ? `the ${place}` : printable(expression);
  if (event === undefined)
    return showSentence(output, `No event before ${grouped(before)} changed ${what}${expression === undefined ? '' : ` (${place})`}.`);
  const number = `Event ${grouped(event.number)}`;
  showSentence(output, `${number} was the ${which} to change ${what} before position ${grouped(before)}.`, number);
  line();
  const fact = (label: string, text: string) => line(`  ${c.dim(label.padEnd(8))}${text}`);
  if (expression !== undefined) fact('memory', place);
  if (which === 'last') fact('writes', history(writes));
  fact('before', c.red(valueOf(writes.before, width)));
  fact('after', c.green(valueOf(writes.after, width)));
  const head = `${grouped(event.number)}  ${timeOfDay(event.timeNs)}  ${printable(event.type.name)}  `;
  fact('event', head + c.dim(spaced(event.payload, width - head.length)));
  warnIfUnfaithful(faithful, output);
  hint(output, 'events', pathOf(recording), '--from', String(event.number), '--count', '1', '--typed');
}

const history = ({ count, first }: FoundWrite['writes']): string =>
  count === 1 ? 'no other event changed it' : `${grouped(count)} events changed it, from event ${grouped(first)} on`;

/** Bytes as they lie in memory; and the number that they are, if they may be one. */
function valueOf(bytes: Buffer, width: number): string {
  const number = numberIn(bytes);
  return spaced(bytes, width) + (number === undefined ? '' : `  = ${number < SMALL ? grouped(Number(number)) : hexAddress(number)}`);
}

function numberIn(bytes: Buffer): bigint | undefined {
  if (![1, 2, 4, WORD].includes(bytes.length)) return undefined;
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function spaced(bytes: Buffer, width: number): string {
  const fitting = Math.max(8, Math.floor((width - 12) / 3));
  const hex = [...bytes.subarray(0, fitting)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > fitting ? `${hex}\u2026` : hex;
}
