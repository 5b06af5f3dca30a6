// The recording that a core belongs to. The core names it; it may have been moved since, or come from another machine. Its uuid
// decides; a core whose block is lost still knows the process and its build.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording, type Recording, UserError } from '../recording';
import { noRecordingIn, otherRecording, recordingOfOtherProcess } from './errors';
import { type Examination, isControlFile } from './examine';

/** Throws UserError when `given` is not the recording of this core. */
export function findRecording(examination: Examination, beside: string, given: string | undefined): Recording | undefined {
  const name = recordingPath(examination);
  if (given !== undefined) return givenRecording(examination, given, name);
  if (name === undefined) return undefined;
  const base = path.basename(name);
  const nearby = [beside, path.join(beside, 'recordings'), process.cwd()].map((directory) => path.join(directory, base));
  return [...examination.files.candidates(name), ...nearby]
    .map(tryOpen)
    .find((found) => found !== undefined && belongs(examination, found) === undefined);
}

/** Where the recording was on the machine of the core. */
export function recordingPath({ located, core }: Examination): string | undefined {
  if (located !== undefined && located.block.recordingPath !== '') return located.block.recordingPath;
  const control = core.files.find((file) => isControlFile(file.path));
  return control === undefined ? undefined : path.dirname(control.path);
}

function givenRecording(examination: Examination, given: string, name: string | undefined): Recording {
  const recordings = bundlesIn(given).map((directory) => openRecording(directory));
  const fitting = recordings.find((recording) => belongs(examination, recording) === undefined);
  if (fitting !== undefined) return fitting;
  const only = recordings[0];
  if (only === undefined || recordings.length > 1)
    throw noRecordingIn(given, name === undefined ? 'of this process' : `named ${path.basename(name)}`);
  const { located } = examination;
  if (located !== undefined) throw otherRecording(given, only.manifest.uuid, located.block.uuid);
  throw recordingOfOtherProcess(given, belongs(examination, only) ?? '');
}

function bundlesIn(directory: string): string[] {
  if (fs.existsSync(path.join(directory, 'manifest.json'))) return [directory];
  const names = fs.existsSync(directory) && fs.statSync(directory).isDirectory() ? fs.readdirSync(directory) : [];
  const bundles = names
    .map((name) => path.join(directory, name))
    .filter((d) => d.endsWith('.afterimage') && fs.existsSync(`${d}/manifest.json`));
  return bundles.length === 0 ? [directory] : bundles; // opening says what is wrong with it
}

/** Why a recording is not that of the core; `undefined` when it is. */
function belongs({ located, core, executable }: Examination, recording: Recording): string | undefined {
  const { manifest } = recording;
  if (located !== undefined) return located.block.uuid === manifest.uuid ? undefined : 'it has another uuid';
  const build = manifest.modules.find((module) => module.kind === 'exe')?.buildId ?? '';
  if (executable !== undefined && executable.buildId !== '' && executable.buildId !== build) return 'it is of another build of the program';
  const { processId } = core.notes;
  return processId === undefined || processId === manifest.pid
    ? undefined
    : `it is of process ${manifest.pid}, the core of process ${processId}`;
}

function tryOpen(directory: string): Recording | undefined {
  try {
    return openRecording(directory);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
