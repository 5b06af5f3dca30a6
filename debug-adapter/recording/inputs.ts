// What the log has beside an event (FORMAT.md §4, channel 2): before it, blocks that others freed and the event that sent it; inside,
// what it sent itself and what went wrong. Everything else inside is for a replay only.

import { readThreadState, type ThreadState } from './thread-state';

export const InputKind = { foreignFrees: 1, createdReactor: 2, call: 3, sent: 4, sender: 6, threadState: 7 } as const;

export interface Input {
  readonly kind: number;
  readonly value: Buffer;
}

/** The event of another reactor whose react() sent this one: its `message`-th to others. */
export interface Sender {
  readonly reactor: number;
  readonly event: number;
  readonly message: number;
}

/** An event on its way to another reactor, with the beginning of its content (Options::record_sent_events, or from genesis on). */
export interface SentEvent {
  readonly reactor: number;
  /** Mangled. */
  readonly type: string;
  readonly bytes: number;
  readonly payload: Buffer;
}

/** What went wrong inside react(), in a sentence: a failed assertion, a misuse of memory. */
export interface Failure {
  /** The address in the program. */
  readonly site: bigint;
  readonly sentence: string;
}

const HEADER_BYTES = 8;
const SENDER_BYTES = 16;
const SENT_HEAD_BYTES = 32;
const CALL_HEAD_BYTES = 40;
/** The number of the "call" that is a failure (recorder/src/format/calls.h). */
const FAILURE = 1040;

/** Whether an event that holds this input shows it: it has to be found again. `data` is the beginning of the message. */
export function isShown(data: Buffer): boolean {
  if (data.length < HEADER_BYTES + 2) return data.length >= 2 && data.readUInt16LE(0) === InputKind.sent;
  const kind = data.readUInt16LE(0);
  return kind === InputKind.sent || (kind === InputKind.call && data.readUInt16LE(HEADER_BYTES) === FAILURE);
}

/** Cut off, where the header promises more than there is. */
export function readInput(data: Buffer): Input {
  if (data.length < HEADER_BYTES) return { kind: 0, value: data.subarray(data.length) };
  return { kind: data.readUInt16LE(0), value: data.subarray(HEADER_BYTES, HEADER_BYTES + data.readUInt32LE(4)) };
}

export function foreignFreesOf(inputs: readonly Input[]): bigint[] {
  const frees: bigint[] = [];
  for (const { kind, value } of inputs) {
    if (kind !== InputKind.foreignFrees) continue;
    for (let at = 0; at + 8 <= value.length; at += 8) frees.push(value.readBigUInt64LE(at));
  }
  return frees;
}

export function senderOf(inputs: readonly Input[]): Sender | undefined {
  const found = inputs.find(({ kind, value }) => kind === InputKind.sender && value.length >= SENDER_BYTES);
  if (found === undefined) return undefined;
  const { value } = found;
  return { reactor: value.readUInt32LE(8), event: Number(value.readBigUInt64LE(0)), message: value.readUInt32LE(12) };
}

export function threadStateOf(inputs: readonly Input[]): ThreadState | undefined {
  const found = inputs.findLast(({ kind }) => kind === InputKind.threadState);
  return found === undefined ? undefined : readThreadState(found.value);
}

export function readFailure({ kind, value }: Input): Failure | undefined {
  if (kind !== InputKind.call || value.length < CALL_HEAD_BYTES) return undefined;
  return { site: value.readBigUInt64LE(8), sentence: value.toString('utf8', CALL_HEAD_BYTES, CALL_HEAD_BYTES + value.readUInt32LE(32)) };
}

export function readSent({ kind, value }: Input): SentEvent | undefined {
  if (kind !== InputKind.sent || value.length < SENT_HEAD_BYTES) return undefined;
  const payloadAt = SENT_HEAD_BYTES + value.readUInt32LE(24);
  return {
    reactor: value.readUInt32LE(0),
    type: value.toString('utf8', SENT_HEAD_BYTES, payloadAt),
    bytes: Number(value.readBigUInt64LE(8)),
    payload: value.subarray(payloadAt, payloadAt + value.readUInt32LE(28)),
  };
}
