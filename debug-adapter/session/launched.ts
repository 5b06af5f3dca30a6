// What a session has opened: a replay, which moves; or the core dump of an imported recording, which only shows how it ended.

import type { DebugProtocol as P } from '@vscode/debugprotocol';
import { type Gdb } from '../gdb/gdb';
import { grouped, type ImportFile, type ReactorInfo, type RecordedEvent, type Recording, UserError } from '../recording';
import { type CoreSession } from '../replay/core-session';
import { type ReplaySession } from '../replay/replay-session';
import { type Stop } from '../replay/stops';
import { type Breakpoints } from './breakpoints';
import { type LaunchArguments } from './launch-arguments';
import { threadName } from './text';
import { reachable } from './timeline';
import { THREAD_ID } from './stopped';
import { type Questions } from './questions';
import { type Variables } from './variables';

interface Opened {
  readonly args: LaunchArguments;
  readonly recording: Recording;
  readonly gdb: Gdb;
  readonly variables: Variables;
}

export interface Replaying extends Opened {
  readonly kind: 'replay';
  readonly reactor: ReactorInfo;
  readonly replay: ReplaySession;
  readonly breakpoints: Breakpoints;
  readonly questions: Questions;
}

export interface Inspecting extends Opened {
  readonly kind: 'core';
  /** The one that crashed; a program that was not recorded has none. */
  readonly reactor: ReactorInfo | undefined;
  readonly imported: ImportFile;
  readonly core: CoreSession;
}

export type Launched = Replaying | Inspecting;

/** What was imported without the log of its events cannot be replayed. */
export function onlyInspected({ imported }: Recording): ImportFile | undefined {
  return imported === undefined || imported.level === 'full' ? undefined : imported;
}

export function chosenReactor(recording: Recording, wanted: LaunchArguments['reactor']): ReactorInfo {
  if (wanted !== undefined) return recording.reactor(wanted);
  return recording.crashedReactor() ?? recording.reactors[0] ?? recording.reactor(0);
}

export const reactorOfCore = (recording: Recording, wanted: LaunchArguments['reactor']): ReactorInfo | undefined =>
  recording.reactors.length === 0 ? undefined : chosenReactor(recording, wanted);

/** Where on the timeline it stands: a core at its end. */
export function positionOf(launched: Launched): number {
  if (launched.kind === 'replay') return launched.replay.position;
  const { reactor, recording } = launched;
  if (reactor === undefined) return 0;
  return reactor.crashEvent ?? recording.log(reactor.id).end;
}

export function currentEvent(launched: Launched): RecordedEvent | undefined {
  const { recording, reactor } = launched;
  if (reactor === undefined) return undefined;
  const log = recording.log(reactor.id);
  const position = positionOf(launched);
  return position < log.end && position >= log.first ? log.event(position) : undefined;
}

/** A replay has the thread of its reactor; a core has them all. */
export function threadsOf(launched: Launched): P.Thread[] {
  if (launched.kind === 'replay') {
    const { reactor, replay } = launched;
    return [{ id: THREAD_ID, name: threadName(reactor, replay.position, replay.end, replay.inReact) }];
  }
  return launched.core.threads.map(({ id, lwp }, i) => ({ id, name: i === 0 ? `${lwp}${placeOfEnd(launched)}` : String(lwp) }));
}

/** ` · board · event 515,377` */
function placeOfEnd({ reactor }: Inspecting): string {
  return reactor?.crashEvent === undefined ? '' : ` · ${reactor.name} · event ${grouped(reactor.crashEvent)}`;
}

/** The event at which a replay begins. */
export function beginning({ args, reactor, replay }: Replaying): number {
  if (args.stopAt === 'start') return replay.first;
  if (args.stopAt === 'crash') return reactor.crashEvent ?? Math.max(replay.first, replay.end - 1);
  return reachable(args.stopAt, replay);
}

/** A core stands where its process ended. */
export function endOfCore(launched: Inspecting): Stop {
  const { signal, threads } = launched.imported;
  if (signal === null) return { kind: 'pause' };
  return { kind: 'crash', crash: { ...signal, signal: signal.number, rip: threads[0]?.instruction ?? 0n, event: positionOf(launched) } };
}

/** A core has no events to ask about. */
export function questionsOf(launched: Launched): Questions {
  if (launched.kind === 'core') throw standsStill(launched);
  return launched.questions;
}

export function neighbour(replay: ReplaySession, by: number): number {
  const event = replay.position + by;
  if (event < replay.first) throw new UserError('no-previous-event', `Event ${grouped(replay.first)} is the first that can be replayed.`);
  if (event > replay.end) throw new UserError('no-next-event', 'This is the end of the recording.');
  return event;
}

export function crashEventOf(reactor: ReactorInfo): number {
  if (reactor.crashEvent !== undefined) return reactor.crashEvent;
  throw new UserError('no-crash', `${reactor.name} did not crash in this recording.`);
}

/** Why nothing moves in a core. */
export function standsStill({ recording }: Inspecting): UserError {
  const wasRecorded = recording.manifest.modules.some((module) => /\/libafterimage\.so[^/]*$/.test(module.path));
  return new UserError(
    'stands-still',
    wasRecorded
      ? 'This is a core dump without its recording: it shows the end of the process, and nothing in it can move. To step and to go back, import it again with --recording DIRECTORY.'
      : 'This is the core dump of a program that was not recorded: it shows the end of the process, and nothing in it can move. To step and to go back, run the program with Afterimage.',
  );
}
