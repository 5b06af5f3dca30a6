// A minidump as a recording to look into: what it says of the process and the crash. It has stacks, but no heap.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { CONTROL_BYTES, hasFaultAddress, signalMeaning, signalName } from '../recording';
import { uuidOf, writeJson } from './bundle-writer';
import { type Imported, type ImportOptions } from './import';
import { LocalFiles } from './local-files';
import { type Minidump, readMinidump } from './minidump';

export function writeMinidump(file: string, work: string, options: ImportOptions): Omit<Imported, 'directory'> {
  const dump = readMinidump(file);
  const files = new LocalFiles({ ...options, beside: path.dirname(path.resolve(file)) });
  const executable = dump.modules[0];
  const program = executable === undefined ? undefined : files.find(executable);
  const sentences = [endOf(dump), ...whatIsMissing(dump), ...dump.problems];
  writeJson(path.join(work, 'manifest.json'), manifestOf(file, dump, program));
  fs.writeFileSync(path.join(work, 'control'), controlOf(file, dump), { mode: 0o600 });
  writeJson(path.join(work, 'import.json'), importFile(file, dump, program, sentences));
  return { level: 'inspect', fidelity: [], sentences };
}

function endOf({ signal, modules }: Minidump): string {
  const name = path.basename(modules[0]?.path ?? 'The program');
  if (signal === undefined) return `${name} was dumped without an exception.`;
  const meaning = signalMeaning(signal.number, signal.code);
  const where = hasFaultAddress(signal.number, signal.code) ? ` at address ${hex(signal.address)}` : '';
  return `${name} ended with ${signalName(signal.number)}${meaning === undefined ? '' : ` (${meaning})`}${where}.`;
}

function whatIsMissing({ memoryRanges, memoryBytes, modules }: Minidump): string[] {
  const unknown = modules.filter((module) => module.buildId === '').length;
  return [
    `It is a minidump: ${memoryRanges} pieces of memory, ${memoryBytes} bytes in all, mostly stacks. The heap is not in it, so no reactor can be looked into and nothing can be replayed. Import a core dump, or open the recording itself.`,
    ...(unknown === 0 ? [] : [`${unknown} of ${modules.length} modules have no build-id: which builds they are is not certain.`]),
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
    pid: 1,
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
    thread?.instruction ?? 0n,
    thread?.stack ?? 0n,
    0n,
    BigInt(signal.thread),
    0n,
    0n,
    BigInt(timeSeconds) * 1_000_000_000n,
  ];
  words.forEach((word, i) => control.writeBigUInt64LE(word, 528 + 8 * i));
  return control;
}

const importFile = (file: string, dump: Minidump, program: string | undefined, sentences: readonly string[]) => ({
  format: { name: 'afterimage-import', major: 1, minor: 0 },
  level: 'inspect',
  source: { path: path.resolve(file), kind: 'minidump', bytes: dump.bytes, compression: null, missingBytes: 0 },
  core: null,
  program: program ?? null,
  signal: dump.signal === undefined ? null : { number: dump.signal.number, code: dump.signal.code, address: hex(dump.signal.address) },
  threads: dump.threads.map(({ id, instruction, stack }) => ({ id, instruction: hex(instruction), stack: hex(stack) })),
  fidelity: [],
  sentences,
});

const hex = (value: bigint) => `0x${value.toString(16)}`;
