// Other processors make the C library run other versions of its functions, and some of the mathematical ones then give other last bits.
// What this machine has beyond the recorded one is kept from the library; where it has less, a replay is refused.

import * as fs from 'node:fs';
import { type Manifest } from '../recording';

/** Names of the C library's tunable glibc.cpu.hwcaps, and those of /proc/cpuinfo. */
const FLAGS: Readonly<Record<string, string>> = {
  SSSE3: 'ssse3',
  SSE4_1: 'sse4_1',
  SSE4_2: 'sse4_2',
  POPCNT: 'popcnt',
  LZCNT: 'abm',
  BMI1: 'bmi1',
  BMI2: 'bmi2',
  MOVBE: 'movbe',
  AVX: 'avx',
  AVX2: 'avx2',
  FMA: 'fma',
  FMA4: 'fma4',
  AVX512F: 'avx512f',
  AVX512BW: 'avx512bw',
  AVX512CD: 'avx512cd',
  AVX512DQ: 'avx512dq',
  AVX512VL: 'avx512vl',
};

export interface ProcessorDifference {
  /** Instruction sets that the recorded program used, and this machine does not have. */
  readonly missing: readonly string[];
  /** Those of this machine that it did not use. */
  readonly surplus: readonly string[];
}

/** `flags`: those of a line of /proc/cpuinfo. Recordings that do not tell what was used have no difference. */
export function compareProcessors({ processor }: Pick<Manifest, 'processor'>, flags = processorFlags()): ProcessorDifference {
  const here = Object.keys(FLAGS).filter((name) => flags.has(FLAGS[name] as string));
  if (processor === undefined) return { missing: [], surplus: [] };
  return {
    missing: processor.filter((name) => name in FLAGS && !here.includes(name)),
    surplus: here.filter((name) => !processor.includes(name)),
  };
}

/** The value of GLIBC_TUNABLES with which the C library uses no more than it did. */
export function tunablesFor({ surplus }: ProcessorDifference, inherited = process.env['GLIBC_TUNABLES'] ?? ''): string {
  const others = inherited.split(':').filter((tunable) => tunable !== '' && !tunable.startsWith('glibc.cpu.hwcaps='));
  const masked = surplus.length === 0 ? [] : [`glibc.cpu.hwcaps=${surplus.map((name) => `-${name}`).join(',')}`];
  return [...others, ...masked].join(':');
}

function processorFlags(): ReadonlySet<string> {
  const line = /^flags\s*:(.*)$/m.exec(fs.readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? '';
  return new Set(line.trim().split(/\s+/));
}
