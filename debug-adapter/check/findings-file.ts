// What the checking library leaves in its directory: numbers and addresses (recorder/check/findings.h and files.h).

import * as fs from 'node:fs';
import { damagedFindings } from './errors';

const MAGIC = 0x4b434548434d4941n;
const CALLS = { offset: 4096, count: 1536 };
const FINDINGS = { offset: 16384, bytes: 512, most: 4096 };
const FRAMES = { count: 96, first: 104, most: 32 };
const TEXT = { offset: 360, bytes: 128 };

export const Kind = {
  globalWrite: 1,
  otherHeapWrite: 2,
  threadLocalWrite: 3,
  pointer: 4,
  thread: 5,
  systemCall: 6,
  waits: 7,
  timeStamp: 8,
  libraryCall: 9,
  changedBetween: 10,
  leadsIn: 11,
} as const;

/** Whose memory a pointer leads to. */
export const Place = { ordinaryHeap: 0, stack: 1, mapping: 2, moduleData: 3, otherReactor: 4, threadLocalData: 5 } as const;

export interface RawFinding {
  readonly kind: number;
  readonly count: number;
  readonly event: number;
  readonly reactor: number;
  readonly detail: number;
  readonly address: bigint;
  readonly value: bigint;
  readonly extra: readonly bigint[];
  readonly frames: readonly bigint[];
  readonly text: string;
}

/** `program`: code of the user's, not of a system library or of ours, which is `recorder`. `saved`: snapshots have its variables. */
export interface LoadedModule {
  readonly bias: bigint;
  readonly begin: bigint;
  readonly end: bigint;
  readonly program: boolean;
  readonly recorder: boolean;
  readonly executable: boolean;
  readonly saved: boolean;
  readonly path: string;
}

export interface CheckedReactor {
  readonly id: number;
  readonly object: bigint;
  readonly base: bigint;
  readonly bytes: bigint;
  readonly type: string;
  readonly name: string;
}

export interface CheckResult {
  readonly directory: string;
  readonly findings: readonly RawFinding[];
  readonly leftOut: number;
  readonly events: number;
  readonly recordedCalls: number;
  /** errno where the kernel could not help; 0 where it could. */
  readonly noSystemCalls: number;
  readonly noTimeStamps: number;
  readonly modules: readonly LoadedModule[];
  readonly reactors: readonly CheckedReactor[];
}

/** `undefined` when the program was not checked at all. */
export function readCheckResult(directory: string): CheckResult | undefined {
  const path = `${directory}/findings`;
  if (!fs.existsSync(path)) return undefined;
  const bytes = fs.readFileSync(path);
  if (bytes.length < FINDINGS.offset || bytes.readBigUInt64LE(0) !== MAGIC || number(bytes, 8) !== 1) throw damagedFindings(path);
  const count = Math.min(number(bytes, 16), FINDINGS.most, Math.floor((bytes.length - FINDINGS.offset) / FINDINGS.bytes));
  const records = Array.from({ length: count }, (_, i) =>
    bytes.subarray(FINDINGS.offset + i * FINDINGS.bytes, FINDINGS.offset + (i + 1) * FINDINGS.bytes),
  );
  return {
    directory,
    findings: records.filter((record) => record.readUInt32LE(0) === 1).map(finding),
    leftOut: number(bytes, 24),
    events: number(bytes, 32),
    recordedCalls: Array.from({ length: CALLS.count }, (_, i) => number(bytes, CALLS.offset + 8 * i)).reduce((a, b) => a + b, 0),
    noSystemCalls: number(bytes, 48),
    noTimeStamps: number(bytes, 56),
    modules: lines(`${directory}/modules`).flatMap(loadedModule),
    reactors: lines(`${directory}/reactors`).flatMap(checkedReactor),
  };
}

const number = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64LE(offset));

function finding(record: Buffer): RawFinding {
  const words = (offset: number, count: number) => Array.from({ length: count }, (_, i) => record.readBigUInt64LE(offset + 8 * i));
  const text = record.toString('utf8', TEXT.offset, TEXT.offset + TEXT.bytes);
  return {
    kind: record.readUInt32LE(4),
    count: number(record, 8),
    event: number(record, 16),
    reactor: record.readUInt32LE(24),
    detail: record.readUInt32LE(28),
    address: record.readBigUInt64LE(32),
    value: record.readBigUInt64LE(40),
    extra: words(48, 6),
    frames: words(FRAMES.first, Math.min(number(record, FRAMES.count), FRAMES.most)),
    text: text.slice(0, Math.max(0, text.indexOf('\0'))),
  };
}

function lines(path: string): string[] {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8').split('\n').filter((line) => line !== '') : []; // prettier-ignore
}

const hex = (digits: string): bigint => BigInt(`0x${digits}`);

function loadedModule(line: string, index: number): LoadedModule[] {
  const [, bias, begin, end, code, saved, path] = /^(\w+) (\w+) (\w+) (\d) (\d) (.*)$/.exec(line) ?? [];
  if (bias === undefined || begin === undefined || end === undefined || path === undefined) return [];
  const kind = { program: code === '0', recorder: code === '4', executable: index === 0, saved: saved === '1' };
  return [{ bias: hex(bias), begin: hex(begin), end: hex(end), ...kind, path }];
}

function checkedReactor(line: string): CheckedReactor[] {
  const [, id, object, base, bytes, type, name] = /^(\d+) (\w+) (\w+) (\w+) ([^\t]*)\t(.*)$/.exec(line) ?? [];
  if (object === undefined || base === undefined || bytes === undefined || type === undefined || name === undefined) return [];
  return [{ id: Number(id), object: hex(object), base: hex(base), bytes: hex(bytes), type, name }];
}
