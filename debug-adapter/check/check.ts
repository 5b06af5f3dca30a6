// One check: the program is run, what was found gets names, what is accepted is set aside.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { nothingChecked } from './errors';
import { readCheckResult } from './findings-file';
import { hardwareRandom } from './hardware-random';
import { type Issue } from './issue';
import { issuesOf } from './issues';
import { Names } from './names';
import { type Ending, runChecked } from './run-program';
import { readSuppressions } from './suppressions';

export interface CheckRequest {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly gdb: string;
  readonly suppressions: readonly string[];
  /** Standard output is for the report alone. */
  readonly quiet: boolean;
}

export interface Report {
  readonly ending: Ending;
  readonly events: number;
  readonly reactors: number;
  readonly recordedCalls: number;
  readonly issues: readonly Issue[];
  readonly suppressed: number;
  /** What could not be looked at, in sentences. */
  readonly problems: readonly string[];
}

export async function check(request: CheckRequest): Promise<Report> {
  const isSuppressed = readSuppressions(request.suppressions);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-check-'));
  try {
    const ending = await runChecked(request.program, request.arguments, directory, request.quiet);
    const result = readCheckResult(directory);
    if (result === undefined) throw nothingChecked(request.program);
    const names = await Names.of(result, request.gdb);
    const issues = [...issuesOf({ result, names }), ...(await hardwareRandom(result, request.gdb))];
    const accepted = issues.filter(({ id }) => !isSuppressed(id));
    return {
      ending,
      events: result.events,
      reactors: result.reactors.length,
      recordedCalls: result.recordedCalls,
      issues: accepted,
      suppressed: issues.length - accepted.length,
      problems: [...blindSpots(result), ...names.problems],
    };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function blindSpots(result: { noSystemCalls: number; noTimeStamps: number; leftOut: number }): string[] {
  const spots: string[] = [];
  if (result.noSystemCalls !== 0)
    spots.push('System calls were not looked at: this kernel has no Syscall User Dispatch (Linux 5.11), or a container forbids it.');
  if (result.noTimeStamps !== 0) spots.push('Reads of the time-stamp counter were not looked at: it cannot be made to trap here.');
  if (result.leftOut > 0) spots.push(`${result.leftOut} more findings had no room. Mend or suppress some of these, and check again.`);
  return spots;
}
