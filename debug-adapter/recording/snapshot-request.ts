// Asking a running program for snapshots: the one word of a recording that somebody else than its program writes (FORMAT.md §2).

import * as fs from 'node:fs';
import { CONTROL_BYTES, HEADER_BYTES, SLOT_BYTES } from './control';
import { noSuchProcess, notReadable, recordsNothing, severalRecordings } from './errors';

const REQUESTS_OFFSET = 48;

/** Adds 1 to the reactor's requests. The snapshot is begun at the end of its next event. */
export function requestSnapshot(directory: string, reactor: number): void {
  const path = `${directory}/control`;
  const at = HEADER_BYTES + reactor * SLOT_BYTES + REQUESTS_OFFSET;
  if (at >= CONTROL_BYTES) throw new RangeError(`reactor ${reactor}`);
  let file: number | undefined;
  try {
    file = fs.openSync(path, 'r+');
    const word = Buffer.alloc(8);
    fs.readSync(file, word, 0, 8, at);
    word.writeBigUInt64LE(BigInt.asUintN(64, word.readBigUInt64LE() + 1n));
    fs.writeSync(file, word, 0, 8, at);
  } catch (error) {
    throw notReadable(path, (error as Error).message);
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/** The recording that a process is making: it has the control file mapped. */
export function recordingOfProcess(pid: number): string {
  const found = new Set<string>();
  for (const line of mappings(pid).split('\n')) {
    const path = /\s(\/.*\.afterimage)\/control$/.exec(line)?.[1];
    if (path !== undefined) found.add(path);
  }
  const [directory, ...others] = found;
  if (directory === undefined) throw recordsNothing(pid);
  if (others.length > 0) throw severalRecordings(`Process ${pid}`, [...found]);
  return directory;
}

function mappings(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/maps`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noSuchProcess(pid);
    throw notReadable(`/proc/${pid}/maps`, (error as Error).message);
  }
}
