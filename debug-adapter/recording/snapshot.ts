// Snapshots: ELF core files, or compressed ones (FORMAT.md §5). Only the headers and notes are read; the pages are mapped by the
// replayer. One that was cut off is not used: an earlier one serves.

import * as fs from 'node:fs';
import { BoundedFile, reasonOf } from './bounded-file';
import { type Elf, ET_CORE, type Note, PT_LOAD, readElf } from './elf';
import { UserError } from './errors';
import { Damage } from './mcap';
import { grouped } from './numbers';
import { shortPath } from './segments';
import { readLocale, readThreadState, type ThreadState } from './thread-state';
import { headOf, isCompressed } from './zstd-frames';

const NOTE_NAME = 'AFTRIMG';
const [NOTE_TYPE, THREAD_NOTE_TYPE, LOCALE_NOTE_TYPE] = [2, 3, 4];
const NOTE_BYTES = 64;
const DISCONTINUITY = 1; // of the note's flags
const WRITABLE = 2;

export interface Load {
  readonly address: bigint;
  readonly bytes: number;
  readonly offset: number;
  readonly writable: boolean;
}

export interface SnapshotInfo {
  readonly path: string;
  readonly position: number;
  readonly parentPosition: number;
  readonly kind: 'full' | 'delta';
  /** What came before does not lead here: events were lost, or the program changed the reactor other than by an event. */
  readonly discontinuity: boolean;
  readonly fileBytes: number;
  /** Bytes of the reactor's heap in it. */
  readonly heapBytes: number;
  readonly allocations: bigint;
  readonly object: bigint;
  readonly slotBase: bigint;
  readonly slotBytes: bigint;
  readonly loads: readonly Load[];
  /** Of the thread that ran the reactor; `undefined` where it was not recorded. */
  readonly threadState: ThreadState | undefined;
  readonly locale: { readonly c: string; readonly cpp: string } | undefined;
}

export interface SnapshotList {
  readonly snapshots: readonly SnapshotInfo[];
  readonly problems: readonly string[];
}

/** The usable snapshots of a reactor, in order of position. */
export function listSnapshots(directory: string, reactor: number): SnapshotList {
  const snapshots: SnapshotInfo[] = [];
  const problems: string[] = [];
  for (const name of snapshotNames(directory, problems)) {
    const path = `${directory}/${name}`;
    try {
      snapshots.push(readSnapshot(path, reactor));
    } catch (error) {
      if (!(error instanceof Damage || error instanceof UserError)) throw error;
      problems.push(error instanceof Damage ? `${shortPath(path)} is not used: ${error.message}.` : error.message);
    }
  }
  return { snapshots: withParents(snapshots, problems), problems };
}

/** In order of position, without deltas whose full snapshot or an earlier delta is missing. */
function withParents(snapshots: readonly SnapshotInfo[], problems: string[]): SnapshotInfo[] {
  const usable = new Map<number, SnapshotInfo>();
  for (const snapshot of [...snapshots].sort((a, b) => a.position - b.position)) {
    const { kind, path, position, parentPosition } = snapshot;
    if (kind === 'full' || (parentPosition < position && usable.has(parentPosition))) usable.set(position, snapshot);
    else
      problems.push(`${shortPath(path)} is not used: it builds on the snapshot at position ${grouped(parentPosition)}, which is missing.`);
  }
  return [...usable.values()];
}

/** Throws Damage for what is not a whole snapshot of this reactor. */
export function readSnapshot(path: string, reactor: number): SnapshotInfo {
  return BoundedFile.with(path, (file) => {
    const core = isCompressed(file) ? headOf(file) : file;
    const elf = readElf(core);
    if (elf?.type !== ET_CORE) throw new Damage('it is not an ELF core file');
    const loads = wholeLoads(elf, core.bytes);
    const note = elf.notes.find((n) => n.name === NOTE_NAME && n.type === NOTE_TYPE);
    if (note === undefined) throw new Damage(`it has no ${NOTE_NAME} note`);
    const info = parseNote(note, reactor);
    const named = Number(/(\d+)\.core(\.zst)?$/.exec(path)?.[1] ?? info.position);
    if (named !== info.position) throw new Damage(`it holds position ${grouped(info.position)}, not the one in its name`);
    const size = heapBytes(loads, info.slotBase, info.slotBytes);
    return { path, fileBytes: file.bytes, ...info, loads, heapBytes: size, ...surroundings(elf) };
  });
}

/** What belongs to the state, and is not memory. */
function surroundings({ notes }: Elf): Pick<SnapshotInfo, 'threadState' | 'locale'> {
  const desc = (type: number) => notes.find((n) => n.name === NOTE_NAME && n.type === type)?.desc ?? Buffer.alloc(0);
  return { threadState: readThreadState(desc(THREAD_NOTE_TYPE)), locale: readLocale(desc(LOCALE_NOTE_TYPE)) };
}

function wholeLoads(elf: Elf, fileBytes: number): Load[] {
  if (elf.headersCutOff) throw new Damage('it is cut off inside its program headers');
  const headers = elf.headers.filter((h) => h.type === PT_LOAD);
  const missing = headers.reduce((sum, h) => sum + Math.max(0, Math.min(h.fileBytes, h.offset + h.fileBytes - fileBytes)), 0);
  if (missing > 0) throw new Damage(`it is cut off: ${missing} bytes are missing`);
  return headers.map((h) => ({ address: h.address, bytes: h.fileBytes, offset: h.offset, writable: (h.flags & WRITABLE) !== 0 }));
}

function parseNote({ desc }: Note, reactor: number) {
  if (desc.length < NOTE_BYTES) throw new Damage(`its ${NOTE_NAME} note has ${desc.length} bytes instead of ${NOTE_BYTES}`);
  const version = desc.readUInt32LE(0);
  if (version !== 1) throw new Damage(`its ${NOTE_NAME} note has version ${version} instead of 1`);
  if (desc.readUInt32LE(4) !== reactor) throw new Damage(`it belongs to reactor ${desc.readUInt32LE(4)}`);
  const kind = desc.readUInt32LE(24);
  if (kind !== 1 && kind !== 2) throw new Damage(`it is of the unknown kind ${kind}`);
  return {
    position: position(desc, 8),
    parentPosition: position(desc, 16),
    kind: kind === 1 ? ('full' as const) : ('delta' as const),
    discontinuity: (desc.readUInt32LE(28) & DISCONTINUITY) !== 0,
    allocations: desc.readBigUInt64LE(32),
    object: desc.readBigUInt64LE(40),
    slotBase: desc.readBigUInt64LE(48),
    slotBytes: desc.readBigUInt64LE(56),
  };
}

function position(desc: Buffer, at: number): number {
  const value = Number(desc.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw new Damage(`it holds the impossible position ${value}`);
  return value;
}

const heapBytes = (loads: readonly Load[], base: bigint, bytes: bigint): number =>
  loads.filter((load) => load.address >= base && load.address < base + bytes).reduce((sum, load) => sum + load.bytes, 0);

function snapshotNames(directory: string, problems: string[]): string[] {
  try {
    const names = fs.readdirSync(directory).filter((name) => /^snap-\d{12,}\.core(\.zst)?$/.test(name));
    // Where both are, the one that is not compressed was written later.
    return names.filter((name) => !name.endsWith('.zst') || !names.includes(name.slice(0, -'.zst'.length)));
  } catch (error) {
    problems.push(`${shortPath(directory)} cannot be read: ${reasonOf(error)}.`);
    return [];
  }
}
