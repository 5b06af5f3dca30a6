// The names behind the addresses of a check, asked of gdb, which needs no process for that.

import * as fs from 'node:fs';
import * as z from 'zod';
import { CodePlace } from '../gdb/code-names';
import { ask } from './ask';
import { type CheckResult, Kind, type LoadedModule, Place, type RawFinding } from './findings-file';

const Variable = z.object({ name: z.string(), offset: z.int(), type: z.string(), file: z.string(), line: z.int() });
const Member = z.object({ path: z.string(), type: z.string(), use: z.enum(['pointer', 'number', 'spare', 'behind']) });
const Answer = z.object({
  code: z.record(z.string(), CodePlace.nullable()),
  data: z.record(z.string(), Variable.nullable()),
  threadLocals: z.record(z.string(), z.array(Variable)),
  systemCalls: z.record(z.string(), z.string()),
  holders: z.record(z.string(), Member.nullable()),
  problems: z.array(z.string()),
});
export type Variable = z.infer<typeof Variable>;
export type Member = z.infer<typeof Member>;

export const hexText = (address: bigint): string => `0x${address.toString(16)}`;

/** Names for one check. Where there is none, `undefined`. */
export class Names {
  private constructor(
    private readonly result: CheckResult,
    private readonly answer: z.infer<typeof Answer>,
  ) {}

  static async of(result: CheckResult, gdb: string): Promise<Names> {
    const nothing = { code: {}, data: {}, threadLocals: {}, systemCalls: {}, holders: {}, problems: [] };
    const answer = result.findings.length === 0 ? nothing : await ask(gdb, 'check.py', questionAbout(result));
    return new Names(result, Answer.parse(answer));
  }

  get problems(): readonly string[] {
    return this.answer.problems;
  }

  /** A place in code; in a system library or in ours it is never the user's. */
  code(address: bigint): CodePlace | undefined {
    const place = this.answer.code[hexText(address)] ?? undefined;
    return place && { ...place, users: place.users && this.module(address)?.program === true };
  }

  module = (address: bigint): LoadedModule | undefined => moduleOf(this.result, address);
  variable = (address: bigint): Variable | undefined => this.answer.data[hexText(address)] ?? undefined;
  systemCall = (number: number): string => this.answer.systemCalls[number] ?? `system call ${number}`;
  member = (finding: RawFinding): Member | undefined =>
    this.answer.holders[`${imageOf(this.result, finding)}:${hexText(finding.address)}`] ?? undefined;

  /** Those of a module that have some of the bytes. */
  threadLocals({ module, offset }: ThreadLocalBytes): readonly Variable[] {
    const path = this.module(module)?.path ?? '';
    return this.answer.threadLocals[`${path}:${offset}`] ?? [];
  }
}

interface ThreadLocalBytes {
  readonly module: bigint;
  readonly offset: number;
  readonly bytes: number;
}

/** What a finding says of thread-local variables: they were written, or a pointer leads there. */
export function threadLocalBytes({ kind, address, value, extra }: RawFinding): ThreadLocalBytes | undefined {
  if (kind === Kind.threadLocalWrite) return { module: value, offset: Number(address), bytes: Number(extra[0]) };
  if (kind === Kind.pointer && Number(extra[2]) === Place.threadLocalData)
    return { module: extra[3] ?? 0n, offset: Number(extra[4]), bytes: 1 };
  return undefined;
}

const moduleOf = (result: CheckResult, address: bigint) => result.modules.find(({ begin, end }) => address >= begin && address < end);

const imageOf = (result: CheckResult, { reactor, extra }: RawFinding) => `${result.directory}/r${reactor}-${extra[5]}.core`;

function questionAbout(result: CheckResult) {
  const { findings } = result;
  const code = [...new Set(findings.flatMap(({ frames }) => frames))];
  const of = (...kinds: number[]) => findings.filter(({ kind }) => kinds.includes(kind));
  return {
    modules: result.modules
      .filter(({ path }) => fs.existsSync(path))
      .map(({ path, bias, ...module }) => ({
        path,
        bias: hexText(bias),
        code: module.program ? code.filter((address) => address >= module.begin && address < module.end).map(hexText) : [],
      })),
    code: code.map(hexText),
    data: [...new Set(of(Kind.globalWrite, Kind.changedBetween, Kind.leadsIn).map(({ address }) => hexText(address)))],
    threadLocals: findings.flatMap((finding) => {
      const where = threadLocalBytes(finding);
      const module = where && moduleOf(result, where.module);
      return module === undefined ? [] : [{ path: module.path, offset: where?.offset, bytes: where?.bytes }];
    }),
    systemCalls: [...new Set(of(Kind.systemCall, Kind.waits).map(({ detail }) => detail))],
    images: imagesOf(result, of(Kind.pointer)),
  };
}

function imagesOf(result: CheckResult, pointers: readonly RawFinding[]) {
  const cores = [...new Set(pointers.map((pointer) => imageOf(result, pointer)))];
  return cores.flatMap((core) => {
    const inImage = pointers.filter((pointer) => imageOf(result, pointer) === core);
    const reactor = result.reactors.find(({ id }) => id === inImage[0]?.reactor);
    if (reactor === undefined || !fs.existsSync(core)) return [];
    const holders = inImage.map(({ address, extra }) => [address, extra[0] ?? 0n, extra[1] ?? 0n].map(hexText));
    const { object, type, base, bytes } = reactor;
    return [{ core, object: hexText(object), type, base: hexText(base), bytes: hexText(bytes), holders }];
  });
}
