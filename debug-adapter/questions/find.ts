// Which events made a condition true?

import { type RecordedEvent } from '../recording';
import { type Found } from '../replay/reports';
import { type Answered, ask, type Asking } from './asking';
import { compiled } from './expressions';
import { type Range, type Stretch } from './range';

export interface FoundEvents {
  readonly events: readonly { readonly event: RecordedEvent; readonly value: bigint }[];
  /** Events after which the expression could not be evaluated. */
  readonly unreadable: number;
  readonly faithful: boolean;
}

/** The events after which a C++ expression is not 0; at most `limit`, all for 0. */
export async function findEvents(range: Range, expression: string, limit: number, asking: Asking): Promise<FoundEvents> {
  const { findings, answer, faithful } = await find(range, expression, limit, asking);
  const log = range.recording.log(range.reactor.id);
  const events = findings.map(({ eventNumber, value }) => ({ event: log.event(eventNumber), value }));
  return { events, unreadable: answer.unreadable, faithful };
}

/** The numbers of all of them, which may be every event: as stretches. */
export async function findStretches(
  range: Range,
  expression: string,
  asking: Asking,
): Promise<{ stretches: Stretch[]; faithful: boolean }> {
  const { findings, faithful } = await find(range, expression, 0, asking);
  const stretches: { from: number; to: number }[] = [];
  for (const { eventNumber } of findings) {
    const last = stretches.at(-1);
    if (last?.to === eventNumber) last.to += 1;
    else stretches.push({ from: eventNumber, to: eventNumber + 1 });
  }
  return { stretches, faithful };
}

async function find(range: Range, expression: string, limit: number, asking: Asking): Promise<Answered<Found>> {
  const code = await compiled(range, expression, asking.gdb);
  return ask<Found>(range, `find ${code} ${range.from} ${range.to} ${limit}`, asking);
}
