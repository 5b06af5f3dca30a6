// Payloads as C++ values. gdb knows the types from the executable's debug information and needs no process for that.

import * as z from 'zod';
import { askGdb } from '../gdb/ask-gdb';
import { madeEvent, type RecordedEvent } from '../recording';
import { gdbFailed, notSet, setNeedsStruct } from './errors';
import { withGdb } from './expressions';

const Answer = z.union([
  z.object({ text: z.string(), value: z.unknown(), payload: z.string().optional() }),
  z.object({ error: z.string() }),
]);
export type Typed = z.infer<typeof Answer>;

/** One answer for each event, in the same order; `undefined` where the payload is not the memory of a C++ value. */
export async function decodePayloads(events: readonly RecordedEvent[], program: string, gdb: string): Promise<(Typed | undefined)[]> {
  const types = [...new Set(events.map((event) => event.type.name))];
  const payloads = events.map((event) => {
    const payload = inMemory(event);
    return payload === undefined ? undefined : [types.indexOf(event.type.name), payload, []];
  });
  const decodable = payloads.filter((payload) => payload !== undefined);
  const answers = decodable.length === 0 ? [] : await ask(gdb, program, { types, payloads: decodable }, decodable.length);
  return payloads.map((payload) => (payload === undefined ? undefined : answers.shift()));
}

/** As decode_payloads.py wants it. */
function inMemory(event: RecordedEvent) {
  if (event.type.codec === 'trivial') return event.payload.toString('hex');
  const made = madeEvent(event);
  if (made === undefined) return undefined;
  const address = (value: bigint) => `0x${value.toString(16)}`;
  return { event: address(made.address), blocks: made.blocks.map((block) => [address(block.address), block.bytes.toString('hex')]) };
}

/** A member of a payload, and the C++ expression of its value. */
export type Assignment = readonly [member: string, value: string];

/** The payload with other values for some members. */
export async function changedPayload(
  event: RecordedEvent,
  assignments: readonly Assignment[],
  program: string,
  gdb: string,
): Promise<{ text: string; payload: Buffer }> {
  if (event.type.codec !== 'trivial') throw setNeedsStruct(event.number, event.type.name);
  const question = { types: [event.type.name], payloads: [[0, event.payload.toString('hex'), assignments]] };
  const [answer] = await ask(gdb, program, question, 1);
  if (answer === undefined || 'error' in answer) throw notSet(event.number, answer?.error ?? '');
  return { text: answer.text, payload: Buffer.from(answer.payload ?? '', 'hex') };
}

async function ask(gdb: string, program: string, question: unknown, count: number): Promise<Typed[]> {
  const asked = { scripts: ['event_types.py', 'made_events.py', 'decode_payloads.py'], program, settings: ['print frame-info location'] };
  const { lines, words } = await withGdb(gdb, () => askGdb(gdb, asked, question));
  if (lines.length !== count) throw gdbFailed(words);
  return lines.map((line) => Answer.parse(line));
}
