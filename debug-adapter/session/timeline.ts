// Where the session stands on the recording's timeline, as custom requests and events tell it (PROTOCOL.md).

import * as z from 'zod';
import * as mi from '../gdb/commands';
import { decodePayloads } from '../questions/typed-payloads';
import { type EventLog, grouped, type RecordedEvent, UserError } from '../recording';
import { findProgram } from '../replay/find-program';
import { type ReplaySession } from '../replay/replay-session';
import { type Launched, positionOf } from './launched';

const EVENTS_AT_ONCE = 10_000;

export const EventsArguments = z.object({ from: z.int().nonnegative(), count: z.int().min(1).max(EVENTS_AT_ONCE) });
export const EventArguments = z.object({ event: z.int().nonnegative() });

export function timeline(launched: Launched) {
  const { recording, reactor } = launched;
  return {
    recording: recording.directory,
    ...(reactor === undefined ? {} : { reactor: reactor.id }),
    reactors: recording.reactors.map(({ id, name, type }) => ({ id, name, type })),
    ...extentOf(launched),
    position: positionOf(launched),
    ...(reactor?.crashEvent === undefined ? {} : { crashEvent: reactor.crashEvent }),
    state: recording.state,
    faithful: launched.kind === 'core' || (launched.replay.divergences.length === 0 && launched.replay.relocated === undefined),
    ...(launched.kind === 'core' ? { level: launched.imported.level } : {}),
  };
}

function extentOf(launched: Launched): { first: number; end: number } {
  const { recording, reactor } = launched;
  const { first, end } =
    launched.kind === 'replay' ? launched.replay : reactor === undefined ? { first: 0, end: 0 } : recording.log(reactor.id);
  return { first, end };
}

export function eventRows(log: EventLog, { from, count }: z.infer<typeof EventsArguments>) {
  return { events: [...log.events(Math.max(from, log.first), count)].map(row) };
}

const row = ({ number, type, timeNs, payload, done }: RecordedEvent) => ({
  number,
  type: type.name,
  timeNs: String(timeNs),
  bytes: payload.length,
  ...(done === undefined ? {} : { durationNs: done.durationNs, threw: done.threw }),
});

/** An event as its C++ type has it; of what a codec has encoded, only that knows. */
export async function payloadOf({ recording, reactor, gdb, args }: Launched, { event }: z.infer<typeof EventArguments>) {
  const recorded = reactor === undefined ? undefined : recording.log(reactor.id).event(event);
  if (recorded?.type.codec === 'trivial') return { text: await mi.payloadText(gdb, recorded.type.name, recorded.payload) };
  if (recorded?.type.codec !== 'made') throw new UserError('no-value', `What event ${grouped(event)} holds is known to its codec alone.`);
  const [typed] = await decodePayloads([recorded], findProgram(recording, args.program), args.gdb);
  if (typed === undefined || 'error' in typed)
    throw new UserError('no-value', `Event ${grouped(event)} cannot be shown: ${typed?.error ?? 'its payload is damaged'}.`);
  return { text: typed.text };
}

/** Arguments of a custom request, or a UserError that says what is wrong with them. */
export function checked<T>(schema: z.ZodType<T>, command: string, given: unknown): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new UserError('request-arguments', `The arguments of ${command} are not right: ${z.prettifyError(parsed.error)}`);
}

export function reachable(event: number, replay: ReplaySession): number {
  if (event >= replay.first && event <= replay.end) return event;
  throw new UserError(
    'not-reachable',
    `Event ${grouped(event)} cannot be reached: this replay goes from event ${grouped(replay.first)} to ${grouped(replay.end - 1)}.`,
  );
}
