// A minidump as a recording to look into: an ELF core of what it has (threads, registers, stacks), which gdb opens, and what it
// says of the process and the crash. The heap is not in it; the code is taken from the files of this machine, if they are the same
// builds.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoundedFile, CONTROL_BYTES, grouped, hasFaultAddress, type Module, readImage, signalMeaning, signalName } from '../recording';
import { uuidOf, writeJson } from './bundle-writer';
import { type Piece, PIECES_MAX, writeCore } from './core-writer';
import { type Imported, type ImportOptions } from './import';
import { auxiliaryOf, linkMap, type Placed } from './link-map';
import { LocalFiles } from '../replay/local-files';
import { type Minidump, readMinidump } from './minidump';

export function writeMinidump(file: string, work: string, options: ImportOptions): Omit<Imported, 'directory'> {
  const dump = readMinidump(file);
  const files = new LocalFiles({ ...options, beside: path.dirname(path.resolve(file)) });
  const here = dump.modules.map((module) => files.find(module));
  const modules = dump.modules.map((module, i) => ({ ...module, path: here[i] ?? module.path }));
  const [program, ...libraries] = here;
  const hasCore = dump.isAmd64 && dump.threads.length > 0;
  const sentences = [endOf(dump), whatThereIs(dump, hasCore, program), ...whatIsMissing(dump, here), ...dump.problems];
  if (hasCore) {
    const placed = libraries.map((library, i) => placeOf(modules[i + 1], library)).filter((place) => place !== undefined);
    writeCoreOf(file, dump, placeOf(modules[0], program), placed, path.join(work, 'core'));
  }
  writeJson(path.join(work, 'manifest.json'), manifestOf(file, { ...dump, modules }, program));
  fs.writeFileSync(path.join(work, 'control'), controlOf(file, dump), { mode: 0o600 });
  writeJson(path.join(work, 'import.json'), importFile(file, dump, hasCore, program, sentences));
  return { level: 'inspect', fidelity: [], sentences };
}

/** Where a file of this machine lay in the process. */
function placeOf(module: Module | undefined, file: string | undefined): Placed | undefined {
  const image = file === undefined ? undefined : readImage(file);
  return module === undefined || file === undefined || image === undefined ? undefined : { base: module.base, path: file, image };
}

function writeCoreOf(file: string, dump: Minidump, executable: Placed | undefined, libraries: readonly Placed[], target: string): void {
  BoundedFile.with(file, (opened) => {
    const memory = dump.memory.map(({ address, bytes, offset }) => ({ address, bytes, read: () => opened.read(offset, bytes) }));
    const interpreter = libraries.find((library) => path.basename(library.path).startsWith('ld-linux'));
    writeCore(target, {
      threads: dump.threads,
      signal: dump.signal,
      processId: dump.processId ?? dump.threads[0]?.id ?? 1,
      command: dump.commandLine || (dump.modules[0]?.path ?? ''),
      auxiliary: executable === undefined ? [] : auxiliaryOf(executable, interpreter?.base),
      memory: withLinkMap(memory, executable, libraries).slice(0, PIECES_MAX),
    });
  });
}

/** A full dump has the dynamic linker's own list. */
function withLinkMap(memory: readonly Piece[], executable: Placed | undefined, libraries: readonly Placed[]): Piece[] {
  const made = executable === undefined ? [] : linkMap(executable, libraries);
  const isThere = made.some((piece) => memory.some((other) => overlap(piece, other)));
  return [...memory, ...(isThere ? [] : made)].sort((a, b) => (a.address < b.address ? -1 : 1));
}

const overlap = (a: Piece, b: Piece): boolean => a.address < b.address + BigInt(b.bytes) && b.address < a.address + BigInt(a.bytes);

function endOf({ signal, modules }: Minidump): string {
  const name = path.basename(modules[0]?.path ?? 'The program');
  if (signal === undefined) return `${name} was dumped without an exception.`;
  const meaning = signalMeaning(signal.number, signal.code);
  const where = hasFaultAddress(signal.number, signal.code) ? ` at address ${hex(signal.address)}` : '';
  return `${name} ended with ${signalName(signal.number)}${meaning === undefined ? '' : ` (${meaning})`}${where}.`;
}

function whatThereIs({ isAmd64, threads, memory }: Minidump, hasCore: boolean, program: string | undefined): string {
  if (!isAmd64) return 'It is a minidump of another kind of machine: signal and modules are shown, but neither stacks nor variables.';
  if (!hasCore) return 'It is a minidump without threads: signal and modules are shown.';
  const bytes = memory.reduce((sum, range) => sum + range.bytes, 0);
  const what = `It is a minidump: ${threads.length === 1 ? 'one thread' : `${grouped(threads.length)} threads`}, and ${grouped(bytes)} bytes of memory, mostly stacks.`;
  const shown =
    program === undefined
      ? 'The executable is not here, so there are registers and addresses only; give it with --exe.'
      : 'Stacks and local variables can be inspected.';
  return (
    `${what} ${shown} The heap is not in it: what they point to, reactors among it, cannot be read, and nothing can be replayed. ` +
    'Import a core dump, or open the recording itself.'
  );
}

function whatIsMissing({ modules }: Minidump, here: readonly (string | undefined)[]): string[] {
  const unknown = modules.filter((module) => module.buildId === '').length;
  const absent = modules.filter((module, i) => module.kind === 'lib' && here[i] === undefined).map((module) => path.basename(module.path));
  return [
    ...(absent.length === 0
      ? []
      : [
          `${grouped(absent.length)} of ${grouped(modules.length)} modules are not here in the same build (${absent.slice(0, 3).join(', ')}${absent.length > 3 ? ', ...' : ''}): stacks may end where their code begins. Give --sysroot.`,
        ]),
    ...(unknown === 0
      ? []
      : [`${grouped(unknown)} of ${grouped(modules.length)} modules have no build-id: which builds they are is not certain.`]),
  ];
}

function manifestOf(file: string, dump: Minidump, program: string | undefined) {
  const executable = program ?? dump.modules[0]?.path ?? '';
  return {
    format: { name: 'afterimage', major: 1, minor: 0 },
    uuid: uuidOf(file, undefined),
    library: 'afterimage import',
    wordBits: 64,
    machine: 'x86_64',
    pageBytes: 4096,
    pid: Math.max(1, dump.processId ?? 1),
    startTimeNs: '0',
    hostname: '',
    kernel: '',
    executable,
    commandLine: dump.commandLine === '' ? [executable] : dump.commandLine.split(' '),
    workingDirectory: '',
    modules: dump.modules.map((module) => ({ ...module, base: hex(module.base) })),
    atRandom: '0'.repeat(32),
    fsBase: '0x0',
    brkStart: '0x0',
    hwcap: '0',
    hwcap2: '0',
  };
}

// Offsets: FORMAT.md §2.
function controlOf(file: string, { signal, threads, timeSeconds }: Minidump): Buffer {
  const control = Buffer.alloc(CONTROL_BYTES);
  control.write('AFTRIMG-CTRL-001', 'latin1');
  control.writeUInt32LE(1, 16);
  control.writeUInt32LE(CONTROL_BYTES, 20);
  control.write(uuidOf(file, undefined), 24, 'hex');
  control.writeBigUInt64LE(1n, 48);
  if (signal === undefined) return control;
  const thread = threads.find(({ id }) => id === signal.thread);
  control.writeBigUInt64LE(2n, 512);
  control.writeUInt32LE(signal.number >>> 0, 520);
  control.writeInt32LE(signal.code, 524);
  const words = [
    signal.address,
    thread?.registers.get('rip') ?? 0n,
    thread?.registers.get('rsp') ?? 0n,
    thread?.registers.get('rbp') ?? 0n,
    BigInt(signal.thread),
    0n,
    0n,
    BigInt(timeSeconds) * 1_000_000_000n,
  ];
  words.forEach((word, i) => control.writeBigUInt64LE(word, 528 + 8 * i));
  return control;
}

const importFile = (file: string, dump: Minidump, hasCore: boolean, program: string | undefined, sentences: readonly string[]) => ({
  format: { name: 'afterimage-import', major: 1, minor: 0 },
  level: 'inspect',
  source: { path: path.resolve(file), kind: 'minidump', bytes: dump.bytes, compression: null, missingBytes: 0 },
  core: hasCore ? 'core' : null,
  program: program ?? null,
  signal: dump.signal === undefined ? null : { number: dump.signal.number, code: dump.signal.code, address: hex(dump.signal.address) },
  threads: dump.threads.map(({ id, registers }) => ({
    id,
    instruction: hex(registers.get('rip') ?? 0n),
    stack: hex(registers.get('rsp') ?? 0n),
  })),
  fidelity: [],
  sentences,
});

const hex = (value: bigint) => `0x${value.toString(16)}`;
