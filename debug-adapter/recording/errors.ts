// What the user can be told. Every error that is not our own mistake is a UserError: its message says in a sentence
// or two what happened, with which values, and what to do; its code never changes, so that tests and tools may rely on it.

import { grouped } from './numbers';

export class UserError extends Error {
  override readonly name = 'UserError';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const noSuchRecording = (path: string) =>
  new UserError('no-such-recording', `There is no recording at ${path}. Check the path; a recording is a directory named *.afterimage.`);

export const notADirectory = (path: string) =>
  new UserError(
    'not-a-directory',
    `${path} is a file, but a recording is a directory, or a packed .mcap file. Give the *.afterimage directory itself.`,
  );

export const notARecording = (path: string) =>
  new UserError('not-a-recording', `${path} is not a recording: it has no manifest.json. Give a directory named *.afterimage.`);

export const severalRecordings = (path: string, names: readonly string[]) =>
  new UserError('several-recordings', `${path} holds ${names.length} recordings; choose one of them, for example ${names.at(-1)}.`);

export const damagedFile = (path: string, what: string) =>
  new UserError('damaged-file', `${path} is damaged: ${what}. The recording cannot be opened; copy it again from where it was made.`);

export const notReadable = (path: string, reason: string) =>
  new UserError('not-readable', `${path} cannot be read: ${reason}. Check who owns the recording and its permissions.`);

export const otherMajor = (path: string, found: number, known: number) =>
  new UserError(
    'other-major',
    `${path} is a recording of format ${found}, but this version of Afterimage reads format ${known}. Use the version that made it.`,
  );

const MACHINE_SHOWN = 40;

export const otherMachine = (what: string, found: string | number, known: string | number) =>
  new UserError(
    'other-machine',
    `The recording has ${what} ${String(found).slice(0, MACHINE_SHOWN)}, but this version of Afterimage reads ${known} only. Open it with a version made for that machine.`,
  );

export const noSuchReactor = (wanted: number | string, known: readonly string[]) =>
  new UserError(
    'no-such-reactor',
    known.length === 0
      ? `The recording has no reactor at all, so there is no ${JSON.stringify(wanted)}. Did the program call Recorder::create?`
      : `The recording has no reactor ${JSON.stringify(wanted)}. It has: ${abridged(known)}.`,
  );

export const ambiguousReactor = (name: string, ids: readonly number[]) =>
  new UserError('ambiguous-reactor', `${ids.length} reactors are named "${name}". Choose one by its number: ${abridged(ids.map(String))}.`);

export const noSuchEvent = (wanted: number, first: number, end: number) =>
  new UserError(
    'no-such-event',
    first === end
      ? `There is no event ${grouped(wanted)}: the recording holds no events of this reactor.`
      : `There is no event ${grouped(wanted)}. The recording holds events ${grouped(first)} to ${grouped(end - 1)} of this reactor.`,
  );

export const eventLost = (wanted: number, from: number, to: number) =>
  new UserError(
    'event-lost',
    `Event ${grouped(wanted)} is lost: the recording does not hold events ${grouped(from)} to ${grouped(to - 1)} (see its problems).`,
  );

/** A list in a sentence, cut after a few: nobody reads four thousand names. */
function abridged(items: readonly string[], most = 8): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

export const noSuchProcess = (pid: number) => new UserError('no-such-process', `There is no process ${pid}. Check the number.`);

export const recordsNothing = (pid: number) =>
  new UserError('records-nothing', `Process ${pid} makes no recording. Give the process that does, or the *.afterimage directory.`);

export const nothingToReplay = (program: string) =>
  new UserError(
    'nothing-to-replay',
    `This is the core dump of ${program}, imported for inspection: there are no reactors in it, hence no events and no replay. Look into it with a debugger.`,
  );
