// What can go wrong when a program is checked.

import { UserError } from '../recording';

export const programNotFound = (program: string) =>
  new UserError('program-not-found', `${program} was not found. Give the path of the program to check.`);

export const notAProgram = (program: string) =>
  new UserError(
    'not-a-program',
    `${program} is not a dynamically linked x86-64 program. Give the program itself, not the script that starts it.`,
  );

export const notLinked = (program: string) =>
  new UserError('not-linked', `${program} is not linked with libafterimage.so, so it has no reactors to check.`);

export const noCheckLibrary = (path: string) =>
  new UserError(
    'no-check-library',
    `${path} is missing. It belongs next to the libafterimage.so that the program uses; build or install it with the recorder.`,
  );

export const notStarted = (program: string, reason: string) => new UserError('not-started', `${program} could not be started: ${reason}.`);

export const nothingChecked = (program: string) =>
  new UserError(
    'nothing-checked',
    `${program} ran without being checked. Programs with special privileges (setuid) cannot be: start a copy without them.`,
  );

export const damagedFindings = (path: string) =>
  new UserError('damaged-findings', `${path} is not a findings file of this version. Build the program and afterimage from one version.`);

export const gdbNeeded = (gdb: string, reason: string) =>
  new UserError(
    'gdb-needed',
    `${gdb} could not name what was found (${reason}). A report needs gdb; on Debian or Ubuntu: sudo apt-get install gdb.`,
  );

export const badSuppression = (path: string, line: number, text: string) =>
  new UserError(
    'bad-suppression',
    `${path}:${line}: "${text}" is no suppression. Write an id from a report, with * for any text; for example: global g_requests.`,
  );
