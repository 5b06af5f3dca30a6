// A core dump becomes a recording. What it is good for depends on what is there, and is said:
//
//     full      the core and its recording: replay, compared with the core page by page
//     events    the core alone, of a recorded program: its last events, and the state at the end
//     inspect   the core of any program: threads, stacks and variables at the end

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoundedFile, type Fidelity, grouped, openRecording, reasonOf, type Recording, UserError } from '../recording';
import { copyRecording, localizeManifest, wasCrash, writeFromCore, writeJson } from './bundle-writer';
import { type Compression, compressionOf, decompress } from './compressed';
import { looksLikeElf } from './core';
import { cannotWrite, notACore, outputExists, outputName } from './errors';
import { endOf, type Examination, examineCore } from './examine';
import { compareWithCore } from './fidelity';
import { findRecording, recordingPath } from './find-recording';
import { type LocalFilesOptions } from '../replay/local-files';
import { writeMinidump } from './minidump-bundle';
import { MINIDUMP_MAGIC } from './minidump';
import { lastRun } from './segment-writer';

export type Level = 'full' | 'events' | 'inspect';

export interface ImportOptions extends Omit<LocalFilesOptions, 'beside'> {
  readonly recording?: string;
  readonly output?: string;
  /** Do not replay to compare with the core. */
  readonly compare?: boolean;
  readonly onStage?: (sentence: string) => void;
  readonly onProgress?: (position: number) => void;
}

export interface Imported {
  readonly directory: string;
  readonly level: Level;
  readonly fidelity: readonly Fidelity[];
  readonly sentences: readonly string[];
}

/** Comparing means replaying; a program with thousands of reactors would take for ever. */
const COMPARED_REACTORS_MAX = 16;

/** Throws UserError when nothing can be imported; what is merely missing is in the sentences. */
export async function importCore(file: string, options: ImportOptions): Promise<Imported> {
  const head = BoundedFile.with(file, (opened) => opened.read(0, 16));
  const target = outputPath(file, options.output);
  const work = `${target}.tmp`;
  makeDirectory(work);
  try {
    const isMinidump = head.toString('latin1', 0, 4) === MINIDUMP_MAGIC;
    const written = isMinidump ? writeMinidump(file, work, options) : await importElf(file, head, work, options);
    fs.renameSync(work, target);
    return { directory: target, ...written };
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

async function importElf(file: string, head: Buffer, work: string, options: ImportOptions): Promise<Omit<Imported, 'directory'>> {
  const compression = compressionOf(head);
  if (compression === undefined && !looksLikeElf(head))
    throw notACore(file, head.length === 0 ? 'it is empty' : 'it is neither an ELF file nor compressed');
  const core = path.join(work, 'core');
  const problem = compression === undefined ? undefined : await unpack(file, core, compression, options);
  const examination = examineCore(compression === undefined ? file : core, { ...options, beside: path.dirname(path.resolve(file)) });
  try {
    if (compression === undefined) keepCore(file, core);
    return await write(file, examination, work, compression, problem, options);
  } finally {
    examination.core.close();
  }
}

function unpack(file: string, core: string, compression: Compression, options: ImportOptions): Promise<string | undefined> {
  const onPrefix = () => {
    // What is known already is said at once: unpacking may take minutes.
    const beginning = examineCore(core, { ...options, beside: path.dirname(path.resolve(file)) });
    options.onStage?.(`${endOf(beginning)} Unpacking the core (${compression}).`);
    beginning.core.close();
  };
  return decompress(file, core, compression, () => quietly(onPrefix));
}

/** A second name for the core costs nothing; a copy might cost gigabytes, so across file systems there is none. */
function keepCore(file: string, name: string): void {
  try {
    fs.linkSync(file, name);
  } catch {
    fs.symlinkSync(path.resolve(file), name);
  }
}

async function write(
  file: string,
  examination: Examination,
  work: string,
  compression: Compression | undefined,
  problem: string | undefined,
  options: ImportOptions,
): Promise<Omit<Imported, 'directory'>> {
  const recording = findRecording(examination, path.dirname(path.resolve(file)), options.recording);
  if (recording === undefined) writeFromCore(examination, work);
  else bringRecording(recording, examination, work);
  const level = levelOf(examination, recording);
  const sentences = [
    endOf(examination),
    whatThereIs(level, examination, recording),
    ...(problem === undefined ? [] : [problem]),
    ...examination.gaps,
  ];
  const fidelity: Fidelity[] = [];
  writeImportFile(work, file, examination, level, compression, fidelity, sentences); // the comparison opens the recording
  if (level === 'full' && options.compare !== false) {
    sentences.push(...(await compare(work, examination, fidelity, options)));
    writeImportFile(work, file, examination, level, compression, fidelity, sentences);
  }
  return { level, fidelity, sentences };
}

function bringRecording(recording: Recording, examination: Examination, work: string): void {
  copyRecording(recording, work);
  localizeManifest(work, examination);
  recording.close();
}

async function compare(work: string, examination: Examination, fidelity: Fidelity[], options: ImportOptions): Promise<string[]> {
  const { program } = examination;
  if (program === undefined) return ['Without the executable nothing was replayed, so it is not known how faithful a replay is.'];
  const recording = openRecording(work);
  const sentences: string[] = [];
  const inOrder = [...recording.reactors].sort((a, b) => Number(b.crashEvent !== undefined) - Number(a.crashEvent !== undefined));
  for (const reactor of inOrder.slice(0, COMPARED_REACTORS_MAX)) {
    options.onStage?.(`Replaying ${reactor.name}, to compare its heap with the core's.`);
    try {
      const result = await compareWithCore(recording, reactor, examination.core, program, (position) => options.onProgress?.(position));
      if (result !== undefined) fidelity.push(result);
      sentences.push(result?.sentence ?? `The core has no memory of ${reactor.name}: a replay cannot be compared with it.`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      sentences.push(`${reactor.name} could not be compared with the core: ${error.message}`);
    }
  }
  if (inOrder.length > COMPARED_REACTORS_MAX)
    sentences.push(`The other ${inOrder.length - COMPARED_REACTORS_MAX} reactors were not compared with the core.`);
  recording.close();
  return sentences;
}

export function levelOf(examination: Examination, recording: Recording | undefined): Level {
  if (recording !== undefined) return 'full';
  return lastEvents(examination).length > 0 ? 'events' : 'inspect';
}

/** Events of all reactors that the core itself has. */
function lastEvents({ located }: Examination) {
  const block = located?.block;
  return block === undefined ? [] : block.reactors.flatMap((reactor) => lastRun(block, reactor.id));
}

/** What can be done with the import, and what could be done about the rest. */
export function whatThereIs(level: Level, examination: Examination, recording: Recording | undefined): string {
  if (level === 'full') {
    const events = (recording as Recording).reactors.reduce((sum, { id }) => sum + (recording as Recording).log(id).count, 0);
    return `Its recording is here (${(recording as Recording).directory}): ${grouped(events)} events can be replayed.`;
  }
  const { wasRecorded } = examination;
  if (!wasRecorded)
    return 'It was not recorded by Afterimage: threads, stacks and variables can be inspected, but there are no events and there is no replay.';
  const name = recordingPath(examination);
  const named = name === undefined ? 'Which recording it belongs to is not in the core' : `Its recording, ${name}, is not here`;
  const events = lastEvents(examination).length;
  const rest =
    events === 0
      ? 'the state at its end can be inspected, but not replayed'
      : `its last ${grouped(events)} events are in the core and can be read, and its state at the end inspected, but not replayed`;
  return `${named}: ${rest}. Import it again with its recording: --recording DIRECTORY.`;
}

function writeImportFile(
  work: string,
  file: string,
  { core, program }: Examination,
  level: Level,
  compression: Compression | undefined,
  fidelity: readonly Fidelity[],
  sentences: readonly string[],
): void {
  const { signal } = core;
  const register = (value: bigint | undefined) => `0x${(value ?? 0n).toString(16)}`;
  writeJson(path.join(work, 'import.json'), {
    format: { name: 'afterimage-import', major: 1, minor: 0 },
    level,
    source: {
      path: path.resolve(file),
      kind: 'elf',
      bytes: fs.statSync(file).size,
      compression: compression ?? null,
      missingBytes: core.missingBytes,
    },
    core: 'core',
    program: program === undefined ? null : path.resolve(program),
    signal:
      signal === undefined || !wasCrash(signal.number)
        ? null
        : { number: signal.number, code: signal.code, address: register(signal.address) },
    threads: core.threads.map(({ id, registers }) => ({
      id,
      instruction: register(registers.get('rip')),
      stack: register(registers.get('rsp')),
    })),
    fidelity,
    sentences,
  });
}

/** Beside where the user stands, named after the core; `~2`, `~3` when that exists. */
export function outputPath(file: string, given: string | undefined): string {
  if (given !== undefined) {
    if (!given.endsWith('.afterimage')) throw outputName(given);
    if (fs.existsSync(given)) throw outputExists(given);
    return path.resolve(given);
  }
  const base = path.resolve(path.basename(file).replace(/\.(zst|lz4|xz|gz|dmp)$/, ''));
  for (let i = 1; ; i++) {
    const candidate = `${base}${i === 1 ? '' : `~${i}`}.afterimage`;
    if (!fs.existsSync(candidate)) return candidate;
  }
}

function makeDirectory(directory: string): void {
  try {
    fs.rmSync(directory, { recursive: true, force: true });
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotWrite(directory, reasonOf(error));
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error; // said when all is there
  }
}
