// Why a question has no answer.

import { grouped, UserError } from '../recording';

export const gdbMissing = (gdb: string) =>
  new UserError('gdb-missing', `${gdb} was not found; it reads the program's C++ types. On Debian or Ubuntu: sudo apt-get install gdb.`);

export const gdbFailed = (words: string) => new UserError('gdb-failed', `gdb could not read the program's C++ types: ${words}`);

export const notCompiled = (expression: string, why: string) =>
  new UserError('not-compiled', `The expression "${expression}" cannot be evaluated between events: ${why}.`);

export const noStorage = (expression: string, position: number) =>
  new UserError(
    'no-storage',
    `At event ${grouped(position)}, "${expression}" leads through memory that is not the reactor's, so it has no storage to watch. Choose another event.`,
  );

export const notInHeap = (address: string, reactor: string, from: string, to: string) =>
  new UserError('not-in-heap', `${address} is not in the memory of ${reactor}, which is from ${from} to ${to}. Only that is recorded.`);

export const tooLarge = (bytes: number, most: number) =>
  new UserError('too-large', `${grouped(bytes)} bytes are too many to watch; ${grouped(most)} are the most. Choose a part of them.`);

export const replayCrashed = (event: number, signal: string) =>
  new UserError('replay-crashed', `The replay crashed with ${signal} in event ${grouped(event)}. Look only at events before it.`);

export const cancelled = () => new UserError('cancelled', 'The question was withdrawn.');

export const notReproduced = (expression: string | undefined) =>
  new UserError(
    'not-reproduced',
    expression === undefined
      ? 'The replay does not end in the recorded crash, so there is nothing to reduce; see afterimage replay.'
      : `After none of the events ${expression}, so there is nothing to reduce.`,
  );

export const noCrash = (reactor: string) =>
  new UserError(
    'no-crash',
    `The process did not crash in ${reactor}. Say with --expression what the events bring about, or choose another reactor with --reactor.`,
  );

export const notInRange = (event: number, first: number, last: number) =>
  new UserError('not-in-range', `Event ${grouped(event)} cannot be replayed otherwise; events ${grouped(first)} to ${grouped(last)} can.`);

export const setNeedsStruct = (event: number, type: string) =>
  new UserError(
    'set-needs-struct',
    `Event ${grouped(event)} is of type ${type}, which is not stored as a struct, so that none of its members can be set.`,
  );

export const notSet = (event: number, why: string) =>
  new UserError('not-set', `Event ${grouped(event)} could not be changed: ${why.replace(/\.$/, '')}.`);
