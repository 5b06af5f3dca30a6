// A recording, opened. Opening reads the manifest, the control file and the head of each segment; everything else is read
// when it is asked for. Damage never throws here: it becomes a sentence in `problems`. Only what is no recording at all does.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Control, type CrashReport, REACTORS_MAX, type ReactorProgress, type ReactorState, readControl } from './control';
import {
  ambiguousReactor, noSuchReactor, nothingToReplay, noSuchRecording, notADirectory, notARecording, notReadable, severalRecordings, UserError,
} from './errors'; // prettier-ignore
import { reasonOf } from './bounded-file';
import { EventLog } from './event-log';
import { type ImportFile, readImportFile } from './import-file';
import { recorderRuns } from './process';
import { type Manifest, readManifest, readReactorFile, readUnpackProblems, type ReactorFile } from './schemas';
import { listSegments, SegmentCache } from './segments';
import { listSnapshots, type SnapshotInfo, type SnapshotList } from './snapshot';

export type RecordingState = 'live' | 'closed' | 'crashed' | 'killed';

export interface ReactorInfo {
  readonly id: number;
  readonly name: string;
  /** Demangled C++ type. */
  readonly type: string;
  readonly heapBase: bigint;
  readonly heapBytes: bigint;
  /** As the recorder wrote them, for another build: `limit=1048576,nth=100`. */
  readonly heapSettings: string | undefined;
  readonly object: bigint;
  /** Events before that which name the reactor's number mean one that is gone; `undefined` when no other one had it. */
  readonly numberSinceNs: bigint | undefined;
  /** Events whose react() was begun. */
  readonly started: number;
  /** Events whose react() ended. */
  readonly finished: number;
  /** How often something went wrong inside react(), as far as that is known: see EventLog.failed(). */
  readonly failures: number;
  /** The event inside whose react() the process ended; `undefined` when it ended elsewhere, or runs. */
  readonly crashEvent: number | undefined;
  readonly state: ReactorState;
  /** How it was constructed, in a recording from genesis on. */
  readonly genesis: ReactorFile['genesis'];
}

/** Where the files of the recorded machine are on this one. */
export interface FilePlaces {
  readonly sysroot?: string;
  /** `A=B`: what was A there is B here. */
  readonly pathMap?: readonly string[];
}

/** Throws UserError when there is no recording at `path`. */
export function openRecording(path: string, places: FilePlaces = {}): Recording {
  return new Recording(findBundle(path), places);
}

export class Recording {
  readonly manifest: Manifest;
  readonly control: Control | undefined;
  readonly state: RecordingState;
  readonly reactors: readonly ReactorInfo[];
  /** What is known of the core dump it was imported from; `undefined` when it was not imported. */
  readonly imported: ImportFile | undefined;
  private readonly openProblems: string[] = [];
  private readonly cache = new SegmentCache();
  private readonly logs = new Map<number, EventLog>();
  private readonly snapshotLists = new Map<number, SnapshotList>();

  constructor(
    readonly directory: string,
    readonly places: FilePlaces = {},
  ) {
    this.manifest = readManifest(directory);
    this.openProblems.push(...readUnpackProblems(directory));
    this.control = this.readControl();
    this.imported = this.readImport();
    this.state = this.readState();
    this.reactors = reactorIds(directory, this.openProblems).map((id) => this.readReactor(id));
    this.noteControlProblems();
  }

  /** What the crash handler could note down; `undefined` when it could not, or nothing crashed. */
  get crash(): CrashReport | undefined {
    return this.control?.crash;
  }

  /** What is damaged or missing, in sentences: non-empty means that the recording is partial. */
  get problems(): readonly string[] {
    const ofReactors = this.reactors.flatMap(({ id }) => [...this.log(id).problems, ...this.snapshotList(id).problems]);
    return [...this.openProblems, ...ofReactors];
  }

  /** `problems`, after reading everything. */
  verify(): readonly string[] {
    const ofReactors = this.reactors.flatMap(({ id }) => [...this.log(id).verify(), ...this.snapshotList(id).problems]);
    return [...this.openProblems, ...ofReactors];
  }

  /** By number, or by name. */
  reactor(idOrName: number | string): ReactorInfo {
    const named = this.reactors.filter((reactor) => reactor.name === idOrName);
    if (named.length > 1) throw ambiguousReactor(String(idOrName), named.map((reactor) => reactor.id)); // prettier-ignore
    const id = typeof idOrName === 'number' ? idOrName : /^r?(\d+)$/.exec(idOrName)?.[1];
    const found = named[0] ?? this.reactors.find((reactor) => id !== undefined && reactor.id === Number(id));
    if (this.imported !== undefined && this.reactors.length === 0) throw nothingToReplay(this.manifest.executable);
    if (found === undefined) throw noSuchReactor(idOrName, this.reactors.map((reactor) => reactor.name)); // prettier-ignore
    return found;
  }

  /** Whether an event of that time means by this number a reactor that is gone: now it is another one's. */
  meantAnother(id: number, timeNs: bigint): boolean {
    const reactor = this.reactors.find((one) => one.id === id);
    return reactor?.numberSinceNs !== undefined && timeNs < reactor.numberSinceNs;
  }

  /** The one inside whose react() the process ended. */
  crashedReactor(): ReactorInfo | undefined {
    const inside = this.reactors.filter((reactor) => reactor.crashEvent !== undefined);
    return inside.find((reactor) => reactor.id === this.crash?.reactor) ?? inside[0];
  }

  log(reactorId: number): EventLog {
    const known = this.logs.get(reactorId);
    if (known !== undefined) return known;
    const list = listSegments(`${this.directory}/r${reactorId}`, reactorId, this.manifest.uuid, this.cache);
    const started = this.control?.reactor(reactorId)?.started;
    const log = new EventLog(list, `r${reactorId}`, started);
    this.logs.set(reactorId, log);
    return log;
  }

  /** Those that can be used, in order of position. */
  snapshots(reactorId: number): readonly SnapshotInfo[] {
    return this.snapshotList(reactorId).snapshots;
  }

  close(): void {
    this.cache.clear();
  }

  private snapshotList(reactorId: number): SnapshotList {
    const list = this.snapshotLists.get(reactorId) ?? listSnapshots(`${this.directory}/r${reactorId}`, reactorId);
    this.snapshotLists.set(reactorId, list);
    return list;
  }

  private readControl(): Control | undefined {
    const control = readControl(this.directory);
    if (typeof control !== 'string' && control.uuid === this.manifest.uuid) return control;
    this.openProblems.push(typeof control === 'string' ? control : 'The control file belongs to another recording; it is not used.');
    return undefined;
  }

  private readImport(): ImportFile | undefined {
    const imported = readImportFile(this.directory);
    if (typeof imported !== 'string') return imported;
    this.openProblems.push(imported);
    return undefined;
  }

  /** Of a program that ran on: it ends where it was copied, and nothing went wrong there. */
  get isCopy(): boolean {
    return this.manifest.copiedNs !== undefined;
  }

  private readState(): RecordingState {
    if (this.control?.closed) return 'closed';
    if (this.control?.crash !== undefined || this.control?.crashIncomplete) return 'crashed';
    if (this.isCopy) return 'killed';
    return recorderRuns(this.manifest) ? 'live' : 'killed';
  }

  private readReactor(id: number): ReactorInfo {
    const file = this.readReactorFile(id);
    const progress = this.isCopy ? undefined : this.control?.reactor(id); // the log went on when that was copied
    return {
      id,
      name: file?.name ?? `r${id}`,
      type: file?.type ?? 'unknown',
      heapBase: file?.heap.base ?? progress?.heapBase ?? 0n,
      heapBytes: file?.heap.bytes ?? 0n,
      heapSettings: file?.heap.settings,
      object: file?.object ?? 0n,
      numberSinceNs: file?.numberSinceNs,
      ...(progress === undefined ? this.progressFromLog(id) : { started: progress.started, finished: progress.finished }),
      crashEvent: this.crashEvent(id, progress),
      state: progress?.state ?? 'unknown',
      failures: progress?.failures ?? 0,
      genesis: this.genesis(id, file?.genesis),
    };
  }

  private genesis(id: number, genesis: ReactorFile['genesis']): ReactorFile['genesis'] {
    if (genesis === undefined || genesis.missing !== undefined || fs.existsSync(`${this.directory}/r${id}/genesis`)) return genesis;
    return { ...genesis, missing: 'it was left out when the recording was packed with redaction.' };
  }

  private readReactorFile(id: number): ReactorFile | undefined {
    try {
      const file = readReactorFile(`${this.directory}/r${id}`);
      if (file === undefined) this.openProblems.push(`r${id}/reactor.json is missing: name and type of reactor ${id} are unknown.`);
      return file;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.openProblems.push(error.message.replace(' The recording cannot be opened; copy it again from where it was made.', ''));
      return undefined;
    }
  }

  /** Without a control file: what is in the log was begun, what is marked as done has ended. */
  private progressFromLog(id: number): { started: number; finished: number } {
    const log = this.log(id);
    return { started: log.end, finished: log.firstUnfinished ?? log.end };
  }

  /** The crash report knows which of several nested events it was; without one it is the first that did not finish. */
  private crashEvent(id: number, progress: ReactorProgress | undefined): number | undefined {
    if (progress === undefined || this.state === 'live' || this.state === 'closed') return undefined;
    if (progress.started <= progress.finished) return undefined;
    const nested = progress.started > progress.finished + 1;
    return nested && this.crash?.reactor === id ? this.crash.event : progress.finished;
  }

  private noteControlProblems(): void {
    const { control, openProblems } = this;
    if (control === undefined) return;
    if (control.failure !== undefined)
      openProblems.push(`The recorder reported: ${control.failure.text || `error ${control.failure.errno}`}.`.replace('..', '.'));
    if (control.crashIncomplete) openProblems.push('The process died while its crash was noted down: signal and registers are unknown.');
    for (const { id, name, state } of this.reactors) {
      if (state === 'stepped-aside') openProblems.push(`Recording of reactor ${id} (${name}) stopped before the process ended.`);
    }
  }
}

/** The bundle meant by a path: itself, the directory of its manifest, or the only one in it. */
function findBundle(given: string): string {
  const wanted = path.resolve(given);
  const stat = statOf(wanted);
  if (stat === undefined) throw noSuchRecording(given);
  if (!stat.isDirectory()) {
    if (path.basename(wanted) === 'manifest.json') return path.dirname(wanted);
    throw notADirectory(given);
  }
  return fs.existsSync(`${wanted}/manifest.json`) ? wanted : onlyBundleIn(wanted, given);
}

function statOf(wanted: string): fs.Stats | undefined {
  try {
    return fs.statSync(wanted, { throwIfNoEntry: false });
  } catch (error) {
    throw notReadable(wanted, reasonOf(error));
  }
}

function onlyBundleIn(directory: string, given: string): string {
  const names = entries(directory).filter((name) => name.endsWith('.afterimage') && fs.existsSync(`${directory}/${name}/manifest.json`));
  if (names.length > 1) throw severalRecordings(given, names.sort());
  if (names[0] === undefined) throw notARecording(given);
  return `${directory}/${names[0]}`;
}

function entries(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    throw notReadable(directory, reasonOf(error));
  }
}

function reactorIds(directory: string, problems: string[]): number[] {
  const ids = entries(directory).flatMap((name) => /^r(0|[1-9]\d{0,3})$/.exec(name)?.[1] ?? []).map(Number); // prettier-ignore
  const known = ids.filter((id) => id < REACTORS_MAX).sort((a, b) => a - b);
  if (known.length < ids.length)
    problems.push(`${ids.length - known.length} directories are no reactors: numbers end at ${REACTORS_MAX - 1}.`);
  return known;
}
