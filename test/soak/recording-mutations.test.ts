// Damaged recordings and packed files: noise in manifests, control files, segments, snapshots and what an import knows; each read as
// `info`, `events` and `verify` do, each packed file unpacked. What comes out is a recording, a partial one that says so, or one
// clean refusal, soon, in bounded memory. Seeded: a failure names the mutation that can be repeated.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { events } from '../../debug-adapter/cli/events';
import { info } from '../../debug-adapter/cli/info';
import { standardOutput } from '../../debug-adapter/cli/output';
import { importCore } from '../../debug-adapter/import';
import { packToFile, unpackFile } from '../../debug-adapter/pack';
import { openRecording } from '../../debug-adapter/recording';
import { compileCoreMakers, crash } from '../debug-adapter/import/cores';
import { repetitions } from '../support/fixture-programs';
import { mutated, mutatedJson, outcomeOf, Outcomes, type Random } from '../support/mutations';
import { seeded } from '../support/seeded-random';
import { temporaryDirectory } from '../support/temporary-directory';

const mutations = repetitions('AFTERIMAGE_MUTATIONS', 600);
/** To repeat one: AFTERIMAGE_FIRST_MUTATION=13246 AFTERIMAGE_MUTATIONS=1. */
const first = Number(process.env['AFTERIMAGE_FIRST_MUTATION'] ?? 1);
const GROWTH_MOST = 300 << 20;
/** The events of a real segment; what is behind is room for more. */
const SEGMENT_BYTES = 64 << 10;
const INTERESTING_BYTES = 4096;

/** Everything is written, as for a person and as for a program; nobody reads it. */
const nowhere = (json: boolean) => ({
  ...standardOutput(json),
  line: () => undefined,
  document: (value: unknown) => void JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)),
  longDocument: (_head: object, _field: string, items: Iterable<unknown>) => void [...items],
});

describe(`${mutations} damaged recordings`, function () {
  this.timeout(0);
  const scratch = temporaryDirectory();
  let bundle: string;

  before(async () => {
    const { recorded } = compileCoreMakers(scratch.path);
    const { core } = crash(recorded, 'segv', scratch.path);
    const output = path.join(scratch.path, 'real.afterimage');
    bundle = (await importCore(core, { output, compare: false })).directory;
    fs.rmSync(path.join(bundle, 'core'));
    for (const file of filesOf(bundle)) shorten(file);
  });

  /** A file of its own, and not the link that the import made. */
  function shorten(file: string): void {
    const bytes = fs.readFileSync(file).subarray(0, file.endsWith('.mcap') ? SEGMENT_BYTES : undefined);
    fs.rmSync(file);
    fs.writeFileSync(file, bytes);
  }

  async function readAll(directory: string): Promise<string> {
    const recording = openRecording(directory);
    try {
      for (const json of [false, true]) {
        info(recording, { verify: true }, nowhere(json));
        for (const { id } of recording.reactors.slice(0, 3)) {
          await events(recording, { reactor: String(id), from: '0', count: '1000', gdb: 'gdb' }, nowhere(json));
        }
      }
      return recording.problems.length === 0 ? 'opened' : 'partial';
    } finally {
      recording.close();
    }
  }

  async function eachMutation(work: (random: Random) => string | Promise<string>): Promise<Outcomes> {
    const outcomes = new Outcomes();
    const before = process.memoryUsage.rss();
    for (let number = first; number < first + mutations; number++) outcomes.add(await outcomeOf(number, () => work(seeded(number))));
    const growth = process.memoryUsage.rss() - before;
    assert.ok(growth < GROWTH_MOST, `memory grew by ${growth >> 20} MiB`);
    return outcomes;
  }

  for (const { title, pattern, expected } of [
    { title: 'manifests, and what is known of reactors and of the import', pattern: /\.json$/, expected: ['partial', 'damaged-file'] },
    { title: 'control files', pattern: /control$/, expected: ['opened', 'partial'] },
    { title: 'event segments', pattern: /\.mcap$/, expected: ['opened', 'partial'] },
    { title: 'snapshots', pattern: /\.core(\.zst)?$/, expected: ['opened', 'partial'] },
  ]) {
    it(title, async () => {
      const files = filesOf(bundle).filter((file) => pattern.test(file));
      const outcomes = await eachMutation(async (random) => {
        const file = files[random(files.length)] as string;
        const whole = fs.readFileSync(file);
        const asJson = file.endsWith('.json') && random(3) > 0;
        fs.writeFileSync(file, asJson ? mutatedJson(whole.toString('utf8'), random) : mutated(whole, random, INTERESTING_BYTES));
        return readAll(bundle).finally(() => fs.writeFileSync(file, whole));
      });
      if (mutations >= 600) outcomes.include(...expected);
    });
  }

  it('packed files', async () => {
    const packed = path.join(scratch.path, 'real.mcap');
    const recording = openRecording(bundle);
    await packToFile(recording, { output: packed, force: true, modules: [], redaction: undefined, withSnapshots: true, locks: undefined });
    const whole = fs.readFileSync(packed);
    const outcomes = await eachMutation(async (random) => {
      fs.writeFileSync(packed, mutated(whole, random));
      const { directory } = await unpackFile(packed, path.join(scratch.path, 'unpacked'), true, undefined);
      return readAll(directory);
    });
    if (mutations >= 600) outcomes.include('partial');
  });
});

const filesOf = (directory: string): string[] =>
  fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
