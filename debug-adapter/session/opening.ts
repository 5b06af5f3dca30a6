// Opens what a session is about: the recording, and a replay of it under gdb; or the core dump, where there is nothing to replay.
// What there is to say on the way, and whatever happens later by itself, goes to the host.

import { CapabilitiesEvent, Event } from '@vscode/debugadapter';
import type { DebugProtocol as P } from '@vscode/debugprotocol';
import { miString, miTuple } from '../gdb/mi-parser';
import { isPackedFile, unpackToCache } from '../pack';
import { grouped, openRecording, type ReactorInfo, type Recording, UserError } from '../recording';
import { CoreSession } from '../replay/core-session';
import { findProgram } from '../replay/find-program';
import { relocationSentences } from '../replay/relocation';
import { ReplaySession } from '../replay/replay-session';
import { type Divergence } from '../replay/reports';
import { Breakpoints } from './breakpoints';
import { filePlaces, type LaunchArguments } from './launch-arguments';
import { chosenReactor, type Inspecting, type Launched, onlyInspected, reactorOfCore, type Replaying } from './launched';
import { Questions } from './questions';
import { Variables } from './variables';

export interface Host {
  say(text: string, category: 'console' | 'important' | 'stdout'): void;
  /** As the program printed it. */
  print(text: string): void;
  send(event: P.Event): void;
  end(failure: Error): void;
  /** Nothing where the client does not show it. */
  progress(event: P.Event): void;
}

export async function open(args: LaunchArguments, host: Host): Promise<Launched> {
  const recording = openRecording(bundleOf(args.recording, host), filePlaces(args));
  try {
    for (const problem of recording.problems) host.say(problem, 'console');
    return onlyInspected(recording) === undefined ? await openReplay(args, recording, host) : await openCore(args, recording, host);
  } catch (error) {
    recording.close();
    throw error;
  }
}

/** A packed recording is unpacked first, once. */
function bundleOf(given: string, host: Host): string {
  return isPackedFile(given) ? unpackToCache(given, (directory) => host.say(`Unpacking into ${directory}, once.`, 'console')) : given;
}

async function openReplay(args: LaunchArguments, recording: Recording, host: Host): Promise<Replaying> {
  const reactor = chosenReactor(recording, args.reactor);
  const program = findProgram(recording, args.program);
  const replay = await ReplaySession.open({ recording, reactor, program, gdb: args.gdb, onOutput: (text) => host.print(text) });
  const tell = (event: P.Event) => host.progress(event);
  const questions = new Questions({ recording, reactor, program, gdb: args.gdb, tell });
  return { kind: 'replay', args, recording, reactor, replay, questions, ...attended(replay, reactor, host) };
}

async function openCore(args: LaunchArguments, recording: Recording, host: Host): Promise<Inspecting> {
  const imported = onlyInspected(recording)!;
  const reactor = reactorOfCore(recording, args.reactor);
  const program = programOfCore(args, recording, host);
  const core = await CoreSession.open({ recording, imported, program, gdb: args.gdb });
  core.gdb.on('died', (failure) => host.end(failure));
  for (const sentence of imported.sentences) host.say(sentence, 'console');
  host.send(new CapabilitiesEvent({ supportsStepBack: false, supportsRestartRequest: false }));
  const variables = new Variables(core.gdb, reactor, () => ({ object: reactor?.object ?? 0n, payload: undefined }));
  return { kind: 'core', args, recording, reactor, imported, core, gdb: core.gdb, variables };
}

/** Without it there are still threads, registers and addresses. */
function programOfCore({ program }: LaunchArguments, recording: Recording, host: Host): string | undefined {
  try {
    return findProgram(recording, program);
  } catch (error) {
    if (program !== undefined || !(error instanceof UserError)) throw error;
    host.say(error.message, 'important');
    return undefined;
  }
}

function attended(replay: ReplaySession, reactor: ReactorInfo, host: Host): Pick<Replaying, 'gdb' | 'breakpoints' | 'variables'> {
  const breakpoints = new Breakpoints(replay.gdb, (numbers) => replay.setUserBreakpoints(numbers));
  replay.on('log', (text) => host.say(text, 'stdout'));
  replay.on('notice', (text) => host.say(text, 'important'));
  replay.on('died', (failure) => host.end(failure));
  replay.on('divergence', (divergence) => host.say(differs(divergence), 'important'));
  if (replay.relocated !== undefined) host.say(relocationSentences(replay.relocated).join(' '), 'important');
  replay.on('notify', (name, results) => {
    const number = name === 'breakpoint-modified' ? miString(miTuple(results, 'bkpt') ?? {}, 'number') : undefined;
    if (number !== undefined) void breakpoints.moved(number).then((breakpoint) => tellMoved(breakpoint, host), ignore);
  });
  return { gdb: replay.gdb, breakpoints, variables: new Variables(replay.gdb, reactor, () => replay.addresses) };
}

function tellMoved(breakpoint: P.Breakpoint | undefined, host: Host): void {
  if (breakpoint !== undefined) host.send(new Event('breakpoint', { reason: 'changed', breakpoint }));
}

const differs = ({ eventNumber, kind, call, recorded, replayed, cause }: Divergence): string =>
  `The replay differs from the recording since event ${grouped(eventNumber)} (${call === '' ? kind : `${kind} of ${call}`}: recorded ${recorded}, replayed ${replayed}). ${cause} ` +
  'What follows may not be what happened.';

function ignore(): void {}
