// Recordings of accounts.cc: 1,000,000 events, 100 MB of state.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

export const events = 1_000_000;

/** Compiles the program into a directory. */
export function buildAccounts(directory) {
  const program = path.join(directory, 'accounts');
  const library = path.join(root, 'build/recorder');
  const options = ['-std=c++20', '-O2', '-g', `-I${root}/recorder/include`, `-L${library}`, `-Wl,-rpath,${library}`];
  execFileSync('g++', [...options, path.join(import.meta.dirname, 'accounts.cc'), '-o', program, '-lafterimage'], { stdio: 'inherit' });
  return program;
}

/** Records, with a snapshot before the first event and one behind this event, and returns the recording's path. */
export function recordAccounts(program, snapshotAt) {
  const directory = fs.mkdtempSync(path.join(path.dirname(program), 'recorded-'));
  execFileSync(program, [directory, String(events), String(snapshotAt)], { stdio: 'ignore' });
  return path.join(directory, fs.readdirSync(directory)[0]);
}
