// Writes the recording that an import makes: the files of the found one, or, when there is none, what the core itself tells,
// in the same files (FORMAT.md §8). Under another name until it is complete.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { createHash } from 'node:crypto';
import { CONTROL_BYTES, type Recording } from '../recording';
import { type Examination } from './examine';
import { type CoreModule } from './modules';
import { lastRun, writeSegment } from './segment-writer';
import { type CoreBlock } from './core-block';

const AT_RANDOM = 25;
const AT_HWCAP = 16;
const AT_HWCAP2 = 26;

/** Hard links where possible: the copy needs no space, and stays when the original goes. Files that still grow are copied. */
export function copyRecording(recording: Recording, target: string): void {
  for (const entry of fs.readdirSync(recording.directory, { recursive: true, withFileTypes: true })) {
    const from = path.join(entry.parentPath, entry.name);
    const to = path.join(target, path.relative(recording.directory, from));
    if (entry.isDirectory()) fs.mkdirSync(to, { recursive: true, mode: 0o700 });
    if (!entry.isFile() || entry.name.endsWith('.tmp') || entry.name === 'import.json') continue;
    fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
    if (recording.state === 'live' || entry.name === 'manifest.json') fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
    else linkOrCopy(from, to);
  }
}

export function linkOrCopy(from: string, to: string): void {
  try {
    fs.linkSync(from, to);
  } catch {
    fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
  }
}

/** The manifest names files as they were; the copy's names them as they are here, if they are. */
export function localizeManifest(directory: string, examination: Examination): void {
  const file = path.join(directory, 'manifest.json');
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as { executable: string; modules: Record<string, string>[] };
  for (const module of manifest.modules) {
    const known = { kind: module['kind'], base: 0n, bytes: 0, buildId: module['buildId'] ?? '', path: module['path'] ?? '' } as CoreModule;
    const here = known.buildId === '' ? undefined : examination.files.find(known);
    if (here !== undefined && module['path'] !== here) module['path'] = here;
    if (module['kind'] === 'exe' && here !== undefined) manifest.executable = here;
  }
  writeJson(file, manifest);
}

/** A recording with nothing but what the core tells: manifest, control, and the last events if there are any. */
export function writeFromCore(examination: Examination, directory: string): void {
  const block = examination.located?.block;
  writeJson(path.join(directory, 'manifest.json'), manifestOf(examination));
  fs.writeFileSync(path.join(directory, 'control'), controlOf(examination), { mode: 0o600 });
  for (const reactor of block?.reactors ?? []) writeReactor(block as CoreBlock, reactor, path.join(directory, `r${reactor.id}`));
}

function writeReactor(block: CoreBlock, reactor: CoreBlock['reactors'][number], directory: string): void {
  fs.mkdirSync(directory, { mode: 0o700, recursive: true });
  const { id, name, type, slotBase, slotBytes, object } = reactor;
  writeJson(path.join(directory, 'reactor.json'), {
    id,
    name,
    type,
    heap: { base: hex(slotBase), bytes: String(slotBytes) },
    object: hex(object),
  });
  const events = lastRun(block, id);
  if (events.length > 0) fs.writeFileSync(path.join(directory, 'ev-00000001.mcap'), writeSegment(block, id, events), { mode: 0o600 });
}

function manifestOf(examination: Examination) {
  const { core, modules, executable, program, located } = examination;
  const { auxiliary, command, processId } = core.notes;
  const random = auxiliary.get(AT_RANDOM);
  const randomBytes = random === undefined ? Buffer.alloc(0) : core.read(random, 16);
  const ownPath = program ?? executable?.path ?? '';
  return {
    format: { name: 'afterimage', major: 1, minor: 0 },
    uuid: uuidOf(core.path, located?.block),
    library: 'afterimage import',
    wordBits: 64,
    machine: 'x86_64',
    pageBytes: 4096,
    pid: Math.max(1, processId ?? located?.block.processId ?? 1),
    startTimeNs: '0',
    hostname: '',
    kernel: '',
    executable: ownPath,
    commandLine: command === '' ? [ownPath] : command.split(' '),
    workingDirectory: '',
    modules: modules.map((m) => ({
      kind: m.kind,
      base: hex(m.base),
      bytes: m.bytes,
      buildId: m.buildId,
      path: m === executable ? ownPath : (examination.files.find(m) ?? m.path),
    })),
    atRandom: Buffer.concat([randomBytes, Buffer.alloc(16)], 16).toString('hex'),
    fsBase: hex(core.threads[0]?.registers.get('fs_base') ?? 0n),
    brkStart: '0x0',
    hwcap: (auxiliary.get(AT_HWCAP) ?? 0n).toString(16),
    hwcap2: (auxiliary.get(AT_HWCAP2) ?? 0n).toString(16),
  };
}

/** The same core gives the same uuid. */
export function uuidOf(file: string, block: CoreBlock | undefined): string {
  if (block !== undefined) return block.uuid;
  const descriptor = fs.openSync(file, 'r');
  const head = Buffer.alloc(64 << 10);
  const bytes = fs.readSync(descriptor, head, 0, head.length, 0);
  fs.closeSync(descriptor);
  return createHash('sha256').update(head.subarray(0, bytes)).digest('hex').slice(0, 32);
}

// Offsets: FORMAT.md §2.
function controlOf(examination: Examination): Buffer {
  const { core, located } = examination;
  const block = located?.block;
  const control = Buffer.alloc(CONTROL_BYTES);
  control.write('AFTRIMG-CTRL-001', 'latin1');
  control.writeUInt32LE(1, 16);
  control.writeUInt32LE(CONTROL_BYTES, 20);
  control.write(uuidOf(core.path, block), 24, 'hex');
  control.writeBigUInt64LE(BigInt(block?.reactors.length ?? 0), 40);
  control.writeBigUInt64LE(1n, 48);
  writeCrash(control, examination);
  for (const reactor of block?.reactors ?? []) {
    if (reactor.id >= 4096) continue;
    const words = [BigInt(reactor.started), BigInt(reactor.finished), 0n, 1n, reactor.slotBase, 1n];
    words.forEach((word, i) => control.writeBigUInt64LE(word, 4096 + 64 * reactor.id + 8 * i));
  }
  return control;
}

// The order of gregs in ucontext_t, as far as PRSTATUS has them.
const GREGS = [
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
  'rdi',
  'rsi',
  'rbp',
  'rbx',
  'rdx',
  'rax',
  'rcx',
  'rsp',
  'rip',
  'eflags',
];

function writeCrash(control: Buffer, examination: Examination): void {
  const { core, located } = examination;
  const thread = core.threads[0];
  const { signal } = core;
  if (signal === undefined || thread === undefined || !wasCrash(signal.number)) return;
  const register = (name: string) => thread.registers.get(name) ?? 0n;
  const inside = (located?.block.reactors ?? []).filter((reactor) => reactor.started > reactor.finished);
  const only = inside.length === 1 ? inside[0] : undefined; // of several it is not known which one ran on this thread
  control.writeBigUInt64LE(2n, 512);
  control.writeUInt32LE(signal.number >>> 0, 520);
  control.writeInt32LE(signal.code, 524);
  const words = [
    signal.address,
    register('rip'),
    register('rsp'),
    register('rbp'),
    BigInt(Math.max(0, thread.id)),
    BigInt(only === undefined ? 0 : only.id + 1),
    BigInt(only?.finished ?? 0),
  ];
  words.forEach((word, i) => control.writeBigUInt64LE(word, 528 + 8 * i));
  control.writeBigUInt64LE(fs.statSync(core.path, { bigint: true }).mtimeNs, 584);
  GREGS.forEach((name, i) => control.writeBigUInt64LE(register(name), 592 + 8 * i));
}

/** gcore stops the process to copy it: SIGSTOP, or SIGTRAP of gdb. */
export const wasCrash = (signal: number): boolean => ![0, 5, 19].includes(signal);

export const writeJson = (file: string, value: unknown): void =>
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });

const hex = (value: bigint) => `0x${value.toString(16)}`;
