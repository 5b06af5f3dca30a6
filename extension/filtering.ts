// Lets a filter choose among the events of a recording, and says in words what came of it.
import * as vscode from 'vscode';
import type { ReactorInfo, Recording } from '../debug-adapter/recording';
import { describeFilter, describeMatches, type EventFilter, Filtered, type Matches, matchesIn, within } from './event-filter';
import type { Timelines } from './timelines';

export interface Filtering {
  readonly filter: EventFilter;
  /** By reactor; those that were not asked are missing. */
  readonly matches: ReadonlyMap<number, Matches>;
  /** For people: the filter, and how much it leaves. */
  readonly sentence: string;
}

/** The session that can evaluate an expression: it replays one reactor of this recording. */
export function replayOf({ directory }: Recording, { active }: Timelines): { session: vscode.DebugSession; reactor: number } | undefined {
  if (active?.timeline.recording !== directory || active.timeline.level !== undefined) return undefined;
  const { reactor } = active.timeline;
  return reactor === undefined ? undefined : { session: active.session, reactor };
}

export async function filtered(recording: Recording, filter: EventFilter, timelines: Timelines): Promise<Filtering> {
  if (filter.expression !== undefined) return byReplay(recording, filter, filter.expression, timelines);
  const matches = new Map<number, Matches>();
  for (const { id } of recording.reactors) matches.set(id, await matchesIn(recording.log(id), filter, takeABreath));
  return { filter, matches, sentence: sentence(filter, matches) };
}

async function byReplay(recording: Recording, filter: EventFilter, expression: string, timelines: Timelines): Promise<Filtering> {
  const replay = replayOf(recording, timelines);
  if (!replay) throw new Error('An expression is evaluated by a replay: start the recording with F5, or filter by a text.');
  const answer = Filtered.parse(await replay.session.customRequest('afterimage.filter', { expression }));
  const reactor = recording.reactors.find(({ id }) => id === replay.reactor)!;
  const ofType = await matchesIn(recording.log(reactor.id), filter, takeABreath);
  const chosen = { ...within(ofType, answer.stretches), of: answer.to - answer.from };
  const matches = new Map([[reactor.id, { ...chosen, crash: crashAmong(ofType, reactor) }]]);
  return { filter, matches, sentence: sentence(filter, matches) + (answer.faithful ? '' : UNFAITHFUL) };
}

const sentence = (filter: EventFilter, matches: ReadonlyMap<number, Matches>): string =>
  `Filter: ${describeFilter(filter)}. Shown: ${describeMatches([...matches.values()])}.`;

const UNFAITHFUL = ' The replay that has answered differs from the recording.';

const crashAmong = ({ numbers }: Matches, { crashEvent }: ReactorInfo): number | undefined =>
  crashEvent !== undefined && numbers.includes(crashEvent) ? crashEvent : undefined;

const takeABreath = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
