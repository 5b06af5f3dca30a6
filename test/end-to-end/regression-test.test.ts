// A recording as a regression test: three-reactors crashed in its ledger; what do later builds of it make of the same events?

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, recordCrash, withDirectory } from '../support/fixture-programs';

/** The same program on another day (fixtures/programs/three-reactors/CMakeLists.txt). */
const laterBuild = (day: 'repaired' | 'repriced' | 'reordered' | 'rearranged') => programPath(`three-reactors-${day}`);

interface Tested {
  name: string;
  events: number;
  outputs: { eventNumber: number | null; kind: string; recorded: string; replayed: string }[];
  recordedCrash: { event: number; signal: string } | null;
  crash: { event: number; signal: string } | null;
}

describe('a recording as a regression test', function () {
  this.timeout(120_000);
  let scratch: string;
  let recording: string;

  before(async () => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-regression-'));
    recording = await recordCrash('three-reactors', scratch, ['--genesis']);
  });
  after(() => fs.rmSync(scratch, { recursive: true }));

  const testWith = async (exe: string, ...more: string[]) => afterimage(['test', '--exe', exe, ...more, recording]);
  const reactorsOf = (stdout: string) => (JSON.parse(stdout) as { reactors: Tested[] }).reactors;
  const reactor = (stdout: string, name: string) => reactorsOf(stdout).find((tested) => tested.name === name)!;

  it('fails with the build that was recorded: the crash is still there', async () => {
    const { code, stdout, stderr } = await testWith(programPath('three-reactors'), '--json');
    assert.equal(code, 1, stderr);
    const { crash, recordedCrash, outputs } = reactor(stdout, 'ledger');
    assert.deepEqual([crash, outputs], [recordedCrash, []]);
    assert.equal(crash?.signal, 'SIGFPE');
  });

  it('passes with the repaired build: the crash is gone, and everything sent up to it is as recorded', async () => {
    const { code, stdout, stderr } = await testWith(laterBuild('repaired'));
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /ledger: constructed, and [\d,]+ events delivered\.\n {2}What it sent and wrote is as recorded\.\n/);
    assert.match(stdout, /The recorded crash \(SIGFPE in event [\d,]+\) is gone\.\n/);
    assert.match(stdout, /Passed\.\n$/);
  });

  it('names the first event sent that differs: the trades have other prices', async () => {
    const { code, stdout, stderr } = await testWith(laterBuild('repriced'), '--json');
    assert.equal(code, 1, stderr);
    assert.deepEqual([reactor(stdout, 'gateway').outputs, reactor(stdout, 'ledger').crash], [[], null]);
    const [difference, ...others] = reactor(stdout, 'matcher').outputs;
    assert.deepEqual(others, []);
    assert.equal(difference?.kind, 'outbound');
    assert.match(difference.recorded, /^Trade to reactor 0 \(64 bytes\): 0x[0-9a-f]+ at byte 56$/);
    assert.match(difference.replayed, /^Trade to reactor 0 \(64 bytes\): 0x[0-9a-f]+ at byte 56$/);
    assert.notEqual(difference.recorded, difference.replayed);
    assert.match((await testWith(laterBuild('repriced'))).stdout, /the first event sent that differs: recorded: Trade to ledger/);
  });

  it('refuses a build in which an event has another layout', async () => {
    const { code, stderr } = await testWith(laterBuild('reordered'));
    assert.equal(code, 2);
    assert.match(stderr, /Order is 56 bytes, aligned to 8 in this build, but 48 bytes, aligned to 8 in the recording/);
  });

  it('refuses a build in which members of an event have changed places within the same size, unless it is told to go on', async () => {
    const moved =
      /of Order quantity was at byte 32, and is at byte 40, price was at byte 40, and is at byte 32, Order::Side::buy was 0, and is 1/;
    const { code, stderr } = await testWith(laterBuild('rearranged'));
    assert.equal(code, 2);
    assert.match(stderr, moved);
    const forced = await testWith(laterBuild('rearranged'), '--force');
    assert.equal(forced.code, 1);
    assert.match(
      forced.stdout.replace(/\s+/g, ' '),
      /Order is laid out otherwise in this build: quantity was at byte 32, and is at byte 40;/,
    );
  });

  it('says why it cannot know whether they have: no debug information in one of the builds, or the recorded one is not there', () =>
    withDirectory(async (directory) => {
      const repaired = laterBuild('repaired');
      const [stripped, moved] = [path.join(directory, 'stripped'), path.join(directory, 'three-reactors')];
      const why = async (exe: string, recorded: string) => {
        const { code, stdout, stderr } = await afterimage(['test', '--exe', exe, '--json', recorded]);
        assert.equal(code, 0, stderr);
        const { changed, unknown } = (JSON.parse(stdout) as { layouts: { changed: unknown[]; unknown: string[] } }).layouts;
        assert.deepEqual(changed, []);
        return unknown.join(' ');
      };
      assert.equal(await why(repaired, recording), '');
      execFileSync('objcopy', ['--strip-debug', repaired, stripped]);
      assert.equal(await why(stripped, recording), `${stripped} has no debug information of Trade, Order.`);

      fs.copyFileSync(programPath('three-reactors'), moved);
      spawnSync(moved, ['--genesis', '--directory', `${directory}/recordings`]);
      fs.rmSync(moved);
      const itsRecording = onlyRecordingIn(`${directory}/recordings`);
      assert.match(
        await why(repaired, itsRecording),
        /^The program that made the recording, .*three-reactors \(build [0-9a-f]+\), is neither there nor/,
      );
    }));

  it('refuses a program without the recorder, and one that knows no such reactor', async () => {
    const without = await testWith(process.execPath);
    assert.deepEqual([without.code, /is not linked with libafterimage\.so/.test(without.stderr)], [2, true], without.stderr);
    const other = await testWith(programPath('plugin-host'));
    assert.equal(other.code, 2);
    assert.match(other.stderr, /this build has no reactor of type (Ledger|Matcher|Gateway)/);
  });

  it('may be a packed file; but not a redacted one, whose constructions were left out', async () => {
    const [packed, redacted, rules] = ['packed.mcap', 'redacted.mcap', 'rules.json'].map((name) => path.join(scratch, name)) as [
      string,
      string,
      string,
    ];
    fs.writeFileSync(rules, JSON.stringify({ rules: [{ type: 'Order', bytes: 'all', how: 'zero' }] }));
    assert.equal((await afterimage(['pack', '-o', packed, recording])).code, 0);
    assert.equal((await afterimage(['pack', '--redact', rules, '-o', redacted, recording])).code, 0);
    const cache = { XDG_CACHE_HOME: scratch };
    assert.equal((await afterimage(['test', '--exe', laterBuild('repaired'), packed], cache)).code, 0);
    const refused = await afterimage(['test', '--exe', laterBuild('repaired'), redacted], cache);
    assert.deepEqual([refused.code, /left out when the recording was packed/.test(refused.stderr)], [2, true], refused.stderr);
  });

  it('is replayed by the recorded build as any other recording', async () => {
    const { code, stdout } = await afterimage(['verify', recording]);
    assert.equal(code, 0, stdout);
  });
});

describe('a recording of a reactor that asks the world, from its construction on', function () {
  this.timeout(60_000);

  it('gets the recorded answers, elsewhere and later, and so comes to the same crash', () =>
    withDirectory(async (directory) => {
      const recording = await recordCrash('outside-world', directory, ['--scratch', directory, '--odds', '100', '--genesis']);
      const elsewhere = { TZ: 'Asia/Tokyo', OUTSIDE_WORLD: 'another' };
      const { code, stdout, stderr } = await afterimage(['test', '--exe', programPath('outside-world'), '--json', recording], elsewhere);
      assert.equal(code, 1, stderr);
      const [observer] = (JSON.parse(stdout) as { reactors: (Tested & { inputs: unknown[] })[] }).reactors;
      assert.deepEqual([observer?.outputs, observer?.inputs, observer?.crash], [[], [], observer?.recordedCrash]);
      assert.ok(observer!.events > 20);
    }));
});

describe('a recording of a reactor whose heap was not the usual one, from its construction on', function () {
  this.timeout(60_000);
  const stops: [title: string, args: string[], failing?: string][] = [
    ['was limited', ['--careless', '--limit', `${7 * 64 * 1024}`]],
    ['was kinda-safe, and stopped at a dangling pointer', ['--how', 'dangling', '--stop']],
    ['was without memory once', ['--careless'], 'nth=20'],
    ['was without memory by chance', ['--careless'], 'probability=0.02,seed=6'],
  ];
  for (const [title, args, failing] of stops) {
    it(`that ${title}, and crashed of it, crashes in the same event of the recorded build, and not in the repaired one`, () =>
      withDirectory(async (directory) => {
        const environment = failing === undefined ? {} : { AFTERIMAGE_FAIL_ALLOCATIONS: failing };
        const recording = await recordCrash('failures', directory, ['--genesis', ...args], environment);
        const testWith = (program: string) => afterimage(['test', '--exe', programPath(program), '--json', recording]);
        const recorded = await testWith('failures');
        assert.equal(recorded.code, 1, recorded.stderr);
        const [clinic] = (JSON.parse(recorded.stdout) as { reactors: Tested[] }).reactors;
        assert.deepEqual([clinic?.outputs, clinic?.crash], [[], clinic?.recordedCrash]);
        assert.equal(clinic?.crash?.signal, 'SIGABRT');
        const repaired = await testWith('failures-repaired');
        assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
      }));
  }
});

describe('a recording that ends in words about its end, from its construction on', function () {
  this.timeout(60_000);
  const ends: [title: string, how: string, ...more: string[]][] = [
    ['an exception that nobody caught', 'exception'],
    ['a failed assertion', 'assertion'],
    ['an assertion of the C++ library', 'vector'],
    ['abort()', 'abort'],
    ['a check of its own, which says why and calls abort()', 'fatal'],
    ['misuse of memory', 'double-free', '--stop'],
  ];
  for (const [title, how, ...more] of ends) {
    it(`${title}: a repaired build need not say them, but all that came before; the recorded one says them again`, () =>
      withDirectory(async (directory) => {
        const recording = await recordCrash('failures', directory, ['--genesis', '--how', how, ...more]);
        const testWith = async (program: string) => {
          const { code, stdout, stderr } = await afterimage(['test', '--exe', programPath(program), '--json', recording]);
          return { code, stderr, clinic: (JSON.parse(stdout) as { reactors: Tested[] }).reactors[0]! };
        };
        const repaired = await testWith('failures-repaired');
        assert.deepEqual([repaired.code, repaired.clinic.outputs], [0, []], repaired.stderr);
        const recorded = await testWith('failures');
        assert.deepEqual([recorded.code, recorded.clinic.outputs], [1, []]);
        assert.deepEqual(recorded.clinic.crash, recorded.clinic.recordedCrash);
        const mute = await testWith('failures-mute');
        assert.equal(mute.code, 1);
        const missing = mute.clinic.outputs.at(-1)!;
        assert.match(`${missing.eventNumber}: ${missing.recorded}`, /^50: printf\("visit 50\\n"\) = 9/);
      }));
  }
});

describe('a recording that is not from genesis on', function () {
  this.timeout(60_000);

  it('cannot be tested with another build; the reason says how to record one that can', () =>
    withDirectory(async (directory) => {
      const recording = await recordCrash('three-reactors', directory);
      const { code, stderr } = await afterimage(['test', '--exe', laterBuild('repaired'), recording]);
      assert.equal(code, 2);
      assert.match(stderr, /Record with\s+afterimage::Options\{\.genesis = true\}/);
    }));
});
