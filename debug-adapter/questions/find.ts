// Which events made a condition true?

import { type RecordedEvent } from '../recording';
import { type Found } from '../replay/reports';
import { ask, type Asking } from './asking';
import { compiled } from './expressions';
import { type Range } from './range';

export interface FoundEvents {
  readonly events: readonly { readonly event: RecordedEvent; readonly value: bigint }[];
  /** Events after which the expression could not be evaluated. */
  readonly unreadable: number;
  readonly faithful: boolean;
}

/** The events after which a C++ expression is not 0; at most `limit`, all for 0. */
export async function findEvents(range: Range, expression: string, limit: number, asking: Asking): Promise<FoundEvents> {
  const code = await compiled(range, expression, asking.gdb);
  const { findings, answer, faithful } = await ask<Found>(range, `find ${code} ${range.from} ${range.to} ${limit}`, asking);
  const log = range.recording.log(range.reactor.id);
  const events = findings.map(({ eventNumber, value }) => ({ event: log.event(eventNumber), value }));
  return { events, unreadable: answer.unreadable, faithful };
}
