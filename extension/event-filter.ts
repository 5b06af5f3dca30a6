// A filter of the events list: a type, and a text or a C++ expression. What type and bytes decide is found here, in the
// recording; an expression is answered by a replay.
import * as z from 'zod';
import type { EventLog, EventType } from '../debug-adapter/recording';
import { grouped } from '../debug-adapter/recording';

export interface EventFilter {
  readonly type?: string | undefined;
  /** In the bytes of the event, in the name of its type, or in what went wrong in it. */
  readonly text?: string | undefined;
  /** Over the reactor's members and the argument of react(), after the event. */
  readonly expression?: string | undefined;
}

/** The events of one reactor that a filter lets through, in rising order. */
export interface Matches {
  readonly numbers: readonly number[];
  /** Of so many. */
  readonly of: number;
  /** Listed all the same: the event that crashed. It never ended, so that no expression was true after it, nor false. */
  readonly crash?: number | undefined;
}

/** What the view lists: the crash is the last event. */
export const listed = ({ numbers, crash }: Matches): readonly number[] => (crash === undefined ? numbers : [...numbers, crash]);

/** What the adapter answers to an expression: stretches of events, ends excluded. */
export const Filtered = z.object({
  from: z.int(),
  to: z.int(),
  stretches: z.array(z.tuple([z.int(), z.int()])),
  faithful: z.boolean(),
});

/** "Order with \u201cACME\u201d": a filter in words. */
export function describeFilter({ type, text, expression }: EventFilter): string {
  const which = text === undefined ? '' : ` with \u201c${text}\u201d`;
  const where = expression === undefined ? '' : ` where ${expression}`;
  return `${type ?? 'events'}${which}${where}`;
}

export function describeMatches(matches: readonly Matches[]): string {
  const sum = (count: (each: Matches) => number) => matches.reduce((total, each) => total + count(each), 0);
  const crashed = matches.some(({ crash }) => crash !== undefined);
  return `${grouped(sum(({ numbers }) => numbers.length))} of ${grouped(sum(({ of }) => of))} events${crashed ? ', and the one that crashed' : ''}`;
}

/** Whether what was typed is more likely an expression than a text. */
export const looksLikeExpression = (typed: string): boolean => /[<>=!&|()]|\w(\.|->)\w/.test(typed);

/** Gives way after each segment: there may be many, and whoever waits has other things to do. */
export async function matchesIn(log: EventLog, filter: EventFilter, goOn: () => Promise<void>): Promise<Matches> {
  const numbers: number[] = [];
  for (const some of log.chosen(chooser(filter))) {
    for (const number of some) numbers.push(number);
    await goOn();
  }
  return { numbers: withFailures(log, filter, numbers), of: log.count };
}

function chooser({ type, text }: EventFilter): (of: EventType, payload: Buffer) => boolean {
  const wanted = text === undefined ? undefined : plain(Buffer.from(text));
  return (of, payload) => {
    if (type !== undefined && of.name !== type) return false;
    return wanted === undefined || plain(payload).includes(wanted) || of.name.toLowerCase().includes(wanted);
  };
}

/** Events in which something went wrong, and was said in these words. */
function withFailures(log: EventLog, { type, text }: EventFilter, numbers: number[]): number[] {
  if (text === undefined) return numbers;
  const known = new Set(numbers);
  const said = [...log.failed()].filter(({ failures }) => failures.some(({ sentence }) => contains(sentence, text)));
  const more = said.filter((event) => !known.has(event.number) && (type === undefined || event.type.name === type));
  return more.length === 0 ? numbers : [...numbers, ...more.map(({ number }) => number)].sort((a, b) => a - b);
}

const contains = (sentence: string, text: string): boolean => sentence.toLowerCase().includes(text.toLowerCase());

/** Bytes as characters, without regard to case. */
const plain = (bytes: Buffer): string => bytes.toString('latin1').toLowerCase();

/** Those of the matches that are in the stretches, which rise, too. */
export function within({ numbers, of }: Matches, stretches: readonly (readonly [number, number])[]): Matches {
  let at = 0;
  const kept = numbers.filter((number) => {
    while (at < stretches.length && stretches[at]![1] <= number) at++;
    return at < stretches.length && stretches[at]![0] <= number;
  });
  return { numbers: kept, of };
}
