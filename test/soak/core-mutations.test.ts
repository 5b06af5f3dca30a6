// Damaged cores: noise in headers, notes, the recorder's block and anywhere, cut off at random. Whatever comes out is an import
// or one clean refusal, soon, in bounded memory. Seeded: a failure names the mutation that can be repeated.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { examineSummary } from '../../debug-adapter/import';
import { readMinidump } from '../../debug-adapter/import/minidump';
import { writeFromCore } from '../../debug-adapter/import/bundle-writer';
import { examineCore } from '../../debug-adapter/import/examine';
import { openRecording, UserError } from '../../debug-adapter/recording';
import { repetitions } from '../support/fixture-programs';
import { temporaryDirectory } from '../support/temporary-directory';
import { compileCoreMakers, crash, type MadeCore } from '../debug-adapter/import/cores';
import { minidump } from '../debug-adapter/import/minidump-writer';

const mutations = repetitions('AFTERIMAGE_MUTATIONS', 2_000);
/** To repeat one: AFTERIMAGE_FIRST_MUTATION=13246 AFTERIMAGE_MUTATIONS=1. */
const first = Number(process.env['AFTERIMAGE_FIRST_MUTATION'] ?? 1);
/** Of the processor: how busy the machine is does not matter. */
const secondsMost = 5;
const growthMost = 200 << 20;

class RandomNumbers {
  constructor(private state: number) {}
  below(limit: number): number {
    this.state = (Math.imul(this.state ^ (this.state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return this.state % limit;
  }
}

/** Bytes that headers are made of do more harm than noise. */
const NASTY = [0n, 1n, 0xffn, 0xffffn, 0x7fffffffn, 0xffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn, 0x1000n, 0x3fff_ff00_0000n];

function mutate(bytes: Buffer, random: RandomNumbers, places: readonly [from: number, to: number][]): { at: number; before: Buffer }[] {
  return Array.from({ length: 1 + random.below(8) }, () => {
    const [from, to] = places[random.below(places.length)]!;
    const at = Math.min(from + random.below(Math.max(1, to - from)), bytes.length - 8);
    const before = Buffer.from(bytes.subarray(at, at + 8));
    if (random.below(2) === 0) bytes.writeBigUInt64LE(NASTY[random.below(NASTY.length)]!, at);
    else bytes[at] = random.below(256);
    return { at, before };
  }).reverse();
}

describe(`${mutations} damaged cores`, function () {
  this.timeout(0);
  const scratch = temporaryDirectory();
  let made: MadeCore;

  before(() => {
    made = crash(compileCoreMakers(scratch.path).recorded, 'segv', scratch.path);
  });

  /** What an import does, without the replay: everything that looks into the core. */
  function bring(core: string): string {
    const directory = fs.mkdtempSync(path.join(scratch.path, 'bundle-'));
    try {
      const summary = examineSummary(core, {});
      const examination = examineCore(core, { beside: scratch.path });
      writeFromCore(examination, directory);
      examination.core.close();
      const recording = openRecording(directory);
      recording.reactors.forEach(({ id }) => [...recording.log(id).events(recording.log(id).first, 10_000)].length);
      assert.ok(recording.verify().length >= 0);
      recording.close();
      return summary.level;
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  }

  it('open, or are refused in a sentence', () => {
    const whole = fs.readFileSync(made.core);
    const size = 0x60000 + 0x8000; // headers, notes, the block and the head of the heap
    const bytes = Buffer.from(whole.subarray(0, Math.min(whole.length, size)));
    const notes = Number(whole.readBigUInt64LE(64 + 8));
    const places: [number, number][] = [[0, 64], [64, notes], [notes, notes + 0x4000], [0xb000, 0xb000 + 4096 + 512], [0x20000, 0x30000], [0, bytes.length]]; // prettier-ignore
    const file = path.join(scratch.path, 'mutated');
    const outcomes = new Map<string, number>();
    const before = process.memoryUsage.rss();
    for (let seed = first; seed < first + mutations; seed++) {
      const random = new RandomNumbers(seed);
      const undo = mutate(bytes, random, places);
      fs.writeFileSync(file, random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes);
      const outcome = attempt(seed, () => bring(file));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      for (const { at, before: old } of undo) old.copy(bytes, at);
    }
    assert.ok(process.memoryUsage.rss() - before < growthMost, `memory grew by ${(process.memoryUsage.rss() - before) >> 20} MiB`);
    if (mutations < 1_000) return;
    // Otherwise the mutations would hit only what nobody reads.
    for (const outcome of ['events', 'inspect', 'not-a-core', 'core-cut-off'])
      assert.ok((outcomes.get(outcome) ?? 0) > 0, `${outcome} never happened`);
  });

  it('and minidumps', () => {
    const bytes = minidump();
    const file = path.join(scratch.path, 'mutated.dmp');
    for (let seed = first; seed < first + mutations; seed++) {
      const random = new RandomNumbers(seed);
      const undo = mutate(bytes, random, [[0, bytes.length]]);
      fs.writeFileSync(file, random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes);
      attempt(seed, () => (readMinidump(file), 'opened'));
      for (const { at, before: old } of undo) old.copy(bytes, at);
    }
  });
});

function attempt(seed: number, work: () => string): string {
  const started = process.cpuUsage();
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(`mutation ${seed} ended in an error of ours`, { cause: error });
    return error.code;
  } finally {
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    assert.ok(seconds < secondsMost, `mutation ${seed} took ${seconds.toFixed(1)} s`);
  }
}
