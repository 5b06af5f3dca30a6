// What was asked in a session, and what the adapter answered, in words. An answer is a list of events: each is a place to go to.
import * as z from 'zod';
import { describeTime } from './event-text';
import { counted, grouped } from '../debug-adapter/recording';

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

export const HeapCalls = z.object({
  expression: z.string(),
  count: z.int(),
  calls: z.array(
    z.object({
      event: z.int(),
      what: z.string(),
      bytes: z.int(),
      places: z.array(z.object({ function: z.string(), file: z.string(), line: z.int(), module: z.string() })),
    }),
  ),
  faithful: z.boolean(),
});

export const CrashNeeds = z.object({
  events: z.array(z.object({ number: z.int(), type: z.string(), timeNs: z.string() })),
  of: z.int(),
  minimal: z.boolean(),
});

export const WhatIf = z.object({
  event: z.int(),
  set: z.string().nullable(),
  text: z.string().nullable(),
  crash: z.object({ event: z.int(), signal: z.string(), isSame: z.boolean() }).nullable(),
  position: z.int(),
  end: z.int(),
  warnings: z.int(),
});

/** In the text of a time: hours to milliseconds. */
const TIME_OF_DAY = [11, 23] as const;
const BYTES_SHOWN = 8;
const CALLERS_SHOWN = 2;
const SMALL = 1_000_000n;

export function foundAnswer({ expression, events, faithful }: z.infer<typeof Found>): Answer {
  const rows = events.map(({ number, type, timeNs, value }) => ({
    event: number,
    label: `#${grouped(number)}`,
    description: `${type}, ${describeTime(BigInt(timeNs)).slice(...TIME_OF_DAY)}${value === '1' ? '' : `, ${value}`}`,
  }));
  return {
    question: expression,
    summary: events.length === 0 ? 'after no event' : `after ${counted(events.length, 'event')}`,
    rows,
    faithful,
  };
}

export function historyAnswer({ expression, changes, values, faithful }: z.infer<typeof History>): Answer {
  const rows = values.map(({ event, value }) => ({
    event: event ?? undefined,
    label: event === null ? 'before' : `#${grouped(event)}`,
    description: value,
  }));
  return { question: expression, summary: `changed by ${counted(changes, 'event')}`, rows, faithful };
}

export function lastWriteAnswer({ expression, bytes, event, before = '', after = '' }: z.infer<typeof LastWrite>): Answer {
  const question = `who wrote ${expression}`;
  if (event === null) return { question, summary: 'no event before', rows: [], faithful: true };
  const row = { event, label: `#${grouped(event)}`, description: `${shown(before, bytes)} → ${shown(after, bytes)}` };
  return { question, summary: `event ${grouped(event)}`, rows: [row], faithful: true };
}

/** The newest first: it is why the memory is what it is. */
export function heapCallsAnswer({ expression, count, calls, faithful }: z.infer<typeof HeapCalls>): Answer {
  const rows = calls.toReversed().map(({ event, what, bytes, places }) => ({
    event,
    label: `#${grouped(event)}`,
    description: `${what}, ${counted(bytes, 'byte')}, ${callersText(places)}`,
  }));
  const summary = count === 0 ? 'neither allocated nor freed' : counted(count, 'call');
  return { question: `who allocated ${expression}`, summary, rows, faithful };
}

function callersText([place, ...callers]: z.infer<typeof HeapCalls>['calls'][number]['places']): string {
  if (place === undefined) return 'outside of react()';
  const where = place.file === '' ? place.module : `${place.file.split('/').at(-1)}:${place.line}`;
  return [`in ${place.function} (${where})`, ...callers.slice(0, CALLERS_SHOWN).map((caller) => caller.function)].join(', from ');
}

export function crashNeedsAnswer({ events, of, minimal }: z.infer<typeof CrashNeeds>): Answer {
  const rows = events.map(({ number, type, timeNs }) => ({
    event: number,
    label: `#${grouped(number)}`,
    description: `${type}, ${describeTime(BigInt(timeNs)).slice(...TIME_OF_DAY)}`,
  }));
  const summary = `${counted(events.length, 'event')} of ${grouped(of)}${minimal ? '' : ', perhaps fewer'}`;
  return { question: 'what the crash needs', summary, rows, faithful: true };
}

export function whatIfAnswer(answer: z.infer<typeof WhatIf>): Answer {
  const { event, set, text, crash, warnings } = answer;
  const number = `#${grouped(event)}`;
  const supposed = { event, label: number, description: text ?? 'left out' };
  const crashed = crash && {
    event: crash.event,
    label: `#${grouped(crash.event)}`,
    description: `${crash.signal}${crash.isSame ? ', as recorded' : ''}`,
  };
  const question = set === null ? `without ${number}` : `${number} with ${set}`;
  const remark = warnings === 0 ? '' : `; ${counted(warnings, 'warning')}: what was not recorded took part`;
  return { question, summary: `${whatThen(answer)}${remark}`, rows: crashed ? [supposed, crashed] : [supposed], faithful: true };
}

function whatThen({ crash, position, end }: z.infer<typeof WhatIf>): string {
  if (crash !== null) return crash.isSame ? 'crashes all the same' : `crashes elsewhere, in event ${grouped(crash.event)}`;
  return position < end ? `no crash up to event ${grouped(position)}; what follows could not be replayed` : 'does not crash';
}

/** A number is read from its last byte to its first; what is longer, as it lies in memory. */
function shown(hex: string, bytes: number): string {
  const pairs = hex.match(/../g) ?? [];
  if (bytes <= BYTES_SHOWN) return numberText(BigInt(`0x0${[...pairs].reverse().join('')}`));
  return `${pairs.slice(0, BYTES_SHOWN).join(' ')} …`;
}

/** Small ones are counts more often than addresses. */
const numberText = (value: bigint): string => (value < SMALL ? String(value) : `0x${value.toString(16)}`);
