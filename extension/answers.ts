// What was asked in a session, and what the adapter answered, in words. An answer is a list of events: each is a place to go to.
import * as z from 'zod';
import { describeTime } from './event-text';
import { grouped } from '../debug-adapter/recording';

export interface AnswerRow {
  /** Undefined: before all events, or nowhere. */
  readonly event: number | undefined;
  readonly label: string;
  readonly description: string;
}

export interface Answer {
  readonly question: string;
  readonly summary: string;
  readonly rows: readonly AnswerRow[];
  /** Of the replay that answered. */
  readonly faithful: boolean;
}

const eventOrNone = z.int().nullable();

export const Found = z.object({
  expression: z.string(),
  events: z.array(z.object({ number: z.int(), type: z.string(), timeNs: z.string(), value: z.string() })),
  faithful: z.boolean(),
});

export const History = z.object({
  expression: z.string(),
  changes: z.int(),
  values: z.array(z.object({ event: eventOrNone, value: z.string() })),
  faithful: z.boolean(),
});

export const LastWrite = z.object({
  expression: z.string(),
  bytes: z.int(),
  event: eventOrNone,
  before: z.string().optional(),
  after: z.string().optional(),
});

export const CrashNeeds = z.object({
  events: z.array(z.object({ number: z.int(), type: z.string(), timeNs: z.string() })),
  of: z.int(),
  minimal: z.boolean(),
});

/** In the text of a time: hours to milliseconds. */
const TIME_OF_DAY = [11, 23] as const;
const BYTES_SHOWN = 8;
const SMALL = 1_000_000n;

export function foundAnswer({ expression, events, faithful }: z.infer<typeof Found>): Answer {
  const rows = events.map(({ number, type, timeNs, value }) => ({
    event: number,
    label: `#${grouped(number)}`,
    description: `${type}, ${describeTime(BigInt(timeNs)).slice(...TIME_OF_DAY)}${value === '1' ? '' : `, ${value}`}`,
  }));
  return { question: expression, summary: events.length === 0 ? 'after no event' : `after ${counted(events.length)}`, rows, faithful };
}

export function historyAnswer({ expression, changes, values, faithful }: z.infer<typeof History>): Answer {
  const rows = values.map(({ event, value }) => ({
    event: event ?? undefined,
    label: event === null ? 'before' : `#${grouped(event)}`,
    description: value,
  }));
  return { question: expression, summary: `changed by ${counted(changes)}`, rows, faithful };
}

export function lastWriteAnswer({ expression, bytes, event, before = '', after = '' }: z.infer<typeof LastWrite>): Answer {
  const question = `who wrote ${expression}`;
  if (event === null) return { question, summary: 'no event before', rows: [], faithful: true };
  const row = { event, label: `#${grouped(event)}`, description: `${shown(before, bytes)} → ${shown(after, bytes)}` };
  return { question, summary: `event ${grouped(event)}`, rows: [row], faithful: true };
}

export function crashNeedsAnswer({ events, of, minimal }: z.infer<typeof CrashNeeds>): Answer {
  const rows = events.map(({ number, type, timeNs }) => ({
    event: number,
    label: `#${grouped(number)}`,
    description: `${type}, ${describeTime(BigInt(timeNs)).slice(...TIME_OF_DAY)}`,
  }));
  const summary = `${counted(events.length)} of ${grouped(of)}${minimal ? '' : ', perhaps fewer'}`;
  return { question: 'what the crash needs', summary, rows, faithful: true };
}

/** A number is read from its last byte to its first; what is longer, as it lies in memory. */
function shown(hex: string, bytes: number): string {
  const pairs = hex.match(/../g) ?? [];
  if (bytes <= BYTES_SHOWN) return numberText(BigInt(`0x0${[...pairs].reverse().join('')}`));
  return `${pairs.slice(0, BYTES_SHOWN).join(' ')} …`;
}

/** Small ones are counts more often than addresses. */
const numberText = (value: bigint): string => (value < SMALL ? String(value) : `0x${value.toString(16)}`);

const counted = (events: number): string => (events === 1 ? '1 event' : `${grouped(events)} events`);
