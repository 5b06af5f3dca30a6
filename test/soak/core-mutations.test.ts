// Damaged cores: noise in headers, notes, the recorder's block and anywhere, cut off at random. Whatever comes out is an import
// or one clean refusal, soon, in bounded memory. Seeded: a failure names the mutation that can be repeated.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { examineSummary, importCore } from '../../debug-adapter/import';
import { writeFromCore } from '../../debug-adapter/import/bundle-writer';
import { examineCore } from '../../debug-adapter/import/examine';
import { openRecording } from '../../debug-adapter/recording';
import { repetitions } from '../support/fixture-programs';
import { damage, outcomeOf, Outcomes, type Random } from '../support/mutations';
import { seeded } from '../support/seeded-random';
import { temporaryDirectory } from '../support/temporary-directory';
import { compileCoreMakers, crash, type MadeCore } from '../debug-adapter/import/cores';
import { minidump } from '../debug-adapter/import/minidump-writer';

const mutations = repetitions('AFTERIMAGE_MUTATIONS', 2_000);
/** To repeat one: AFTERIMAGE_FIRST_MUTATION=13246 AFTERIMAGE_MUTATIONS=1. */
const first = Number(process.env['AFTERIMAGE_FIRST_MUTATION'] ?? 1);
const growthMost = 200 << 20;

/** Like `mutated`, but in place: a core is large. What undoes it, in order. */
function mutate(bytes: Buffer, random: Random, places: readonly [from: number, to: number][]): { at: number; before: Buffer }[] {
  return Array.from({ length: 1 + random(8) }, () => {
    const [from, to] = places[random(places.length)]!;
    const at = Math.min(from + random(Math.max(1, to - from)), bytes.length - 8);
    const before = Buffer.from(bytes.subarray(at, at + 8));
    damage(bytes, at, random);
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

  async function importMinidump(file: string): Promise<string> {
    const output = path.join(scratch.path, 'minidump.afterimage');
    try {
      const { directory } = await importCore(file, { output });
      openRecording(directory).close();
      return 'opened';
    } finally {
      fs.rmSync(output, { recursive: true, force: true });
    }
  }

  it('open, or are refused in a sentence', async () => {
    const whole = fs.readFileSync(made.core);
    const size = 0x60000 + 0x8000; // headers, notes, the block and the head of the heap
    const bytes = Buffer.from(whole.subarray(0, Math.min(whole.length, size)));
    const notes = Number(whole.readBigUInt64LE(64 + 8));
    const places: [number, number][] = [[0, 64], [64, notes], [notes, notes + 0x4000], [0xb000, 0xb000 + 4096 + 512], [0x20000, 0x30000], [0, bytes.length]]; // prettier-ignore
    const file = path.join(scratch.path, 'mutated');
    const outcomes = new Outcomes();
    const before = process.memoryUsage.rss();
    for (let seed = first; seed < first + mutations; seed++) {
      const random = seeded(seed);
      const undo = mutate(bytes, random, places);
      fs.writeFileSync(file, random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      outcomes.add(await outcomeOf(seed, () => bring(file)));
      for (const { at, before: old } of undo) old.copy(bytes, at);
    }
    assert.ok(process.memoryUsage.rss() - before < growthMost, `memory grew by ${(process.memoryUsage.rss() - before) >> 20} MiB`);
    if (mutations >= 1_000) outcomes.include('events', 'inspect', 'not-a-core', 'core-cut-off');
  });

  it('and minidumps', async () => {
    const bytes = minidump();
    const file = path.join(scratch.path, 'mutated.dmp');
    for (let seed = first; seed < first + mutations; seed++) {
      const random = seeded(seed);
      const undo = mutate(bytes, random, [[0, bytes.length]]);
      fs.writeFileSync(file, random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      await outcomeOf(seed, () => importMinidump(file));
      for (const { at, before: old } of undo) old.copy(bytes, at);
    }
  });
});
