// Payloads as C++ values. gdb knows the types from the executable's debug information and needs no process for that.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { packageRoot } from '../package-root';
import { type RecordedEvent } from '../recording';
import { gdbFailed, gdbMissing, notSet, setNeedsStruct } from './errors';

const Answer = z.union([
  z.object({ text: z.string(), value: z.unknown(), payload: z.string().optional() }),
  z.object({ error: z.string() }),
]);
export type Typed = z.infer<typeof Answer>;

/** One answer for each event, in the same order; `undefined` where the payload is not simply the bytes of a struct. */
export async function decodePayloads(events: readonly RecordedEvent[], program: string, gdb: string): Promise<(Typed | undefined)[]> {
  const decodable = events.filter((event) => event.type.codec === 'trivial');
  const types = [...new Set(decodable.map((event) => event.type.name))];
  const payloads = decodable.map((event) => [types.indexOf(event.type.name), event.payload.toString('hex'), []]);
  const answers = payloads.length === 0 ? [] : await askGdb(gdb, program, JSON.stringify({ types, payloads }), payloads.length);
  return events.map((event) => (event.type.codec === 'trivial' ? answers.shift() : undefined));
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
  const [answer] = await askGdb(gdb, program, JSON.stringify(question), 1);
  if (answer === undefined || 'error' in answer) throw notSet(event.number, answer?.error ?? '');
  return { text: answer.text, payload: Buffer.from(answer.payload ?? '', 'hex') };
}

async function askGdb(gdb: string, program: string, question: string, count: number): Promise<Typed[]> {
  const scripts = ['event_types.py', 'decode_payloads.py'].flatMap((name) => ['-x', `${packageRoot()}/debug-adapter/gdb/${name}`]);
  const settings = ['-iex', 'set debuginfod enabled off', '-iex', 'set print frame-info location'];
  const child = spawn(gdb, ['-nx', '-q', '-batch', ...settings, program, ...scripts], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? gdbMissing(gdb) : gdbFailed(error.message);
  });
  const [asked, answers] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  asked.on('error', () => undefined); // a gdb that died says so on stderr
  asked.end(question);
  const [lines, words] = await Promise.all([text(answers), text(child.stderr as Readable)]);
  const typed = lines.split('\n').filter((line) => line !== '').map((line) => Answer.parse(JSON.parse(line))); // prettier-ignore
  if (typed.length !== count) throw gdbFailed(words.trim().split('\n').at(-1) ?? 'it ended early');
  return typed;
}
