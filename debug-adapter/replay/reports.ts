// What the replayer reports on descriptor 4: one JSON object a line (PROTOCOL.md).

import * as z from 'zod';
import { notUnderstood } from './errors';

const count = z.int().nonnegative();
const eventOrNone = z.int().min(-1);
const address = z
  .string()
  .regex(/^(0x)?[0-9a-fA-F]{1,16}$/)
  .transform((text) => BigInt(text.startsWith('0x') ? text : `0x${text}`));
const bytes = z
  .string()
  .regex(/^([0-9a-fA-F]{2})*$/)
  .transform((text) => Buffer.from(text, 'hex'));

const Ready = z.object({ event: z.literal('ready'), pid: count, reactor: count, position: count, first: count, end: count });
const Stopped = z.object({ event: z.literal('stopped'), position: count, reason: z.enum(['target', 'end']) });
const Writes = z.object({ event: z.literal('writes'), count, last: eventOrNone, first: eventOrNone, before: bytes, after: bytes });
const Crash = z.object({
  event: z.literal('crash'),
  eventNumber: count,
  signal: count,
  code: z.int(),
  address,
  rip: address,
  rsp: address,
});
const Divergence = z.object({
  event: z.literal('divergence'),
  eventNumber: count,
  kind: z.string(),
  /** Of an input or output: the name of the call; and where in the program it was made. */
  call: z.string().default(''),
  site: z.string().default(''),
  recorded: z.string(),
  replayed: z.string(),
  /** The most likely one, a sentence or more. */
  cause: z.string().default(''),
});
/** Something that was not recorded and may make the replay diverge. */
const Warning = z.object({ event: z.literal('warning'), eventNumber: count, kind: z.string(), site: z.string(), message: z.string() });
/** The reactor's slot is taken: its memory is elsewhere, and so many words were changed for it. */
const Relocated = z.object({
  event: z.literal('relocated'),
  from: address,
  to: address,
  bytes: count,
  heap: count,
  variables: count,
  thread: count,
  /** Of them, how many point to freed memory. */
  dangling: count,
  /** In the slot, but not in memory of the reactor: left as they are. */
  left: count,
  /** By the reactor's own traverse(), or by looking for words that are addresses in it. */
  how: z.enum(['walked', 'searched']),
  /** Of a walk: live blocks that nothing led to, types that say nothing about themselves, and containers that have another order. */
  unreached: count,
  searched: z.array(z.string()),
  hashedByAddress: z.array(z.string()),
});
const value = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt);
const Found = z.object({ event: z.literal('found'), eventNumber: count, value });
const Value = z.object({ event: z.literal('value'), eventNumber: eventOrNone, value });
const Block = z.object({
  event: z.literal('block'),
  eventNumber: eventOrNone,
  address,
  bytes: count,
  state: z.enum(['live', 'free', 'none']),
});
const Call = z.object({
  event: z.literal('call'),
  /** Among all of the range, from 1 on; only the last ones are reported. */
  number: count,
  eventNumber: count,
  what: z.enum(['allocated', 'resized', 'freed']),
  address,
  bytes: count,
  /** Of the call stack, the innermost first. */
  frames: z.array(address),
});
const change = z.enum(['allocated', 'freed', 'changed', 'changed-while-free']);
const Group = z.object({ event: z.literal('group'), change, bytes: count, typeWord: address, count });
const Change = z.object({
  event: z.literal('change'),
  change,
  address,
  bytes: count,
  bytesBefore: count,
  typeWord: address,
  words: z.array(z.tuple([count, address, address])),
  differentWords: count,
});
const Answer = z.object({ event: z.literal('answer'), query: z.string(), count, unreadable: count, position: count });
const words = z.array(z.tuple([address, address, address]).transform(([at, recorded, replayed]) => ({ address: at, recorded, replayed })));
const Pages = z.object({
  event: z.literal('pages'),
  compared: count,
  different: count,
  missing: count,
  differentWords: count,
  words,
});
/** Memory is not as a snapshot has it; at the snapshot before it was. */
const Difference = z.object({ event: z.literal('difference'), from: count, to: count, words: count, pages: count, freedWords: count });
/** Where that came about: event -1 when no event of the replay has written any of the words. */
const Located = z.object({
  event: z.literal('located'),
  eventNumber: eventOrNone,
  /** The heap block of the first word, or 0; and what it begins with. */
  block: address,
  bytes: count,
  firstWord: address,
  words,
});
const Digest = z.object({ event: z.literal('digest'), position: count, heap: address, data: address });
const Progress = z.object({ event: z.literal('progress'), position: count });
const Failed = z.object({ event: z.literal('error'), message: z.string() });

export const Report = z.discriminatedUnion('event', [
  Ready,
  Stopped,
  Writes,
  Crash,
  Divergence,
  Warning,
  Relocated,
  Found,
  Value,
  Block,
  Call,
  Group,
  Change,
  Answer,
  Pages,
  Difference,
  Located,
  Digest,
  Progress,
  Failed,
]);
export type Report = z.infer<typeof Report>;
export type Difference = z.infer<typeof Difference>;
export type Located = z.infer<typeof Located>;
export type Digest = z.infer<typeof Digest>;
export type Ready = z.infer<typeof Ready>;
export type Stopped = z.infer<typeof Stopped>;
export type Writes = z.infer<typeof Writes>;
export type Crash = z.infer<typeof Crash>;
export type Divergence = z.infer<typeof Divergence>;
export type Warning = z.infer<typeof Warning>;
export type Relocated = z.infer<typeof Relocated>;
export type Found = z.infer<typeof Found>;
export type Value = z.infer<typeof Value>;
export type Block = z.infer<typeof Block>;
export type Call = z.infer<typeof Call>;
export type Group = z.infer<typeof Group>;
export type Change = z.infer<typeof Change>;
export type Finding = Found | Value | Block | Call | Group | Change;
export type Answer = z.infer<typeof Answer>;
export type Pages = z.infer<typeof Pages>;

export const isFinding = (report: Report): report is Finding =>
  ['found', 'value', 'block', 'call', 'group', 'change'].includes(report.event);

export function parseReport(line: string): Report {
  try {
    return Report.parse(JSON.parse(line));
  } catch {
    throw notUnderstood(line);
  }
}
