// A real recording of flight-board's crash, short enough to be made in a moment: it begins a few hundred flights before the
// one that does the damage. And where its source is, for breakpoints.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { dumpCore } from '../../debug-adapter/import/cores';
import { flightsFile, onlyRecordingIn, programPath, recordCrash, root } from '../../support/fixture-programs';

const FIRST_FLIGHT = 515_000;

export const flightBoardSource = path.join(root, 'fixtures/programs/flight-board/flight_board.cc');

export const recordFlightBoard = (directory: string): Promise<string> =>
  recordCrash('flight-board', directory, ['--start', String(FIRST_FLIGHT)]);

/** The same crash, with its core dump. */
export function dumpFlightBoard(directory: string): { core: string; recording: string } {
  const command = [programPath('flight-board'), flightsFile, '--directory', directory, '--start', String(FIRST_FLIGHT)];
  return { core: dumpCore(command, directory).core, recording: onlyRecordingIn(directory) };
}

/** The number of the first line that contains `text`. */
export function lineOf(file: string, text: string): number {
  const index = fs.readFileSync(file, 'utf8').split('\n').findIndex((line) => line.includes(text)); // prettier-ignore
  if (index < 0) throw new Error(`${file} has no line with ${text}`);
  return index + 1;
}
