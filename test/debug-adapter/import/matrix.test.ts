// Real cores, each of them opened at the level that it allows, with the sentence that says so.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { importCore, type Imported, type ImportOptions } from '../../../debug-adapter/import';
import { openRecording, UserError } from '../../../debug-adapter/recording';
import { temporaryDirectory } from '../../support/temporary-directory';
import { compileCoreMakers, copyRunning, crash, cutOff, type MadeCore, type Way } from './cores';

describe('importing a core', function () {
  this.timeout(240_000); // compiles two programs
  const scratch = temporaryDirectory();
  let programs: { recorded: string; plain: string };
  let crashed: MadeCore;
  let count = 0;

  before(() => {
    programs = compileCoreMakers(scratch.path);
    crashed = crash(programs.recorded, 'segv', scratch.path);
  });

  const bring = (core: string, options: ImportOptions = {}): Promise<Imported> =>
    importCore(core, { output: path.join(scratch.path, `imported-${++count}.afterimage`), ...options });

  /** Takes the recording away, as when only the core was sent. */
  async function withoutRecording<T>(made: MadeCore, use: () => Promise<T>): Promise<T> {
    const away = `${made.recording!}-away`;
    fs.renameSync(made.recording!, away);
    try {
      return await use();
    } finally {
      fs.renameSync(away, made.recording!);
    }
  }

  const says = (imported: Imported, ...patterns: RegExp[]) => {
    for (const pattern of patterns) assert.match(imported.sentences.join('\n'), pattern);
  };

  describe('with its recording', () => {
    for (const [way, end] of [
      ['segv', /ended with SIGSEGV \(address not mapped\) at address 0x0/],
      ['abort', /ended with SIGABRT/],
      ['overflow', /ended with SIGSEGV/],
      ['corrupt', /ended with SIGSEGV/],
    ] as [Way, RegExp][]) {
      it(`${way}: replayed to the crash, every page of the heap equal`, async () => {
        const { core } = way === 'segv' ? crashed : crash(programs.recorded, way, scratch.path);
        const imported = await bring(core);
        assert.equal(imported.level, 'full');
        says(imported, end, /100 events can be replayed/, /Replayed book to the crash in event 99: all [\d,]+ pages of its heap are equal/);
        const [fidelity] = imported.fidelity;
        assert.deepEqual([fidelity!.differentPages, fidelity!.missingPages, fidelity!.inside], [0, 0, true]);
        assert.ok(fidelity!.comparedPages > 300, `${fidelity!.comparedPages} pages`);
      });
    }

    it('a crash outside of react(): compared behind the last event', async () => {
      const imported = await bring(crash(programs.recorded, 'outside', scratch.path).core);
      says(imported, /Replayed book to position 100: all [\d,]+ pages of its heap are equal/);
    });

    it('a core that differs in a word is noticed, with its address', async () => {
      const copy = path.join(scratch.path, 'changed-core');
      fs.copyFileSync(crashed.core, copy);
      const bytes = fs.readFileSync(copy);
      const at = bytes.indexOf(Buffer.alloc(40, 'o')); // the text of an order, on the reactor's heap
      fs.writeFileSync(copy, Buffer.concat([bytes.subarray(0, at), Buffer.from('DIFFERS!'), bytes.subarray(at + 8)]));
      const imported = await bring(copy, { recording: crashed.recording! });
      assert.equal(imported.fidelity[0]!.differentPages, 1);
      says(imported, /1 of [\d,]+ pages differ from the core's, in (1 word|2 words); the first at 0x400\d+: recorded 0x/);
    });

    it('is a recording like any other: named, with its events and its crash', async () => {
      const imported = await bring(crashed.core, { compare: false });
      const recording = openRecording(imported.directory);
      assert.equal(recording.state, 'crashed');
      assert.equal(recording.reactor('book').crashEvent, 99);
      assert.equal(recording.imported!.level, 'full');
      assert.deepEqual(recording.problems, []);
      recording.close();
    });
  });

  describe('without its recording', () => {
    it('has the last events and the state at the end', async () => {
      const imported = await withoutRecording(crashed, () => bring(crashed.core));
      assert.equal(imported.level, 'events');
      says(
        imported,
        /Its recording, .*recorded_maker.*\.afterimage, is not here: its last 100 events are in the core/,
        /Import it again with its recording: --recording DIRECTORY/,
      );
      const recording = openRecording(imported.directory);
      const log = recording.log(0);
      assert.deepEqual([log.first, log.end, recording.reactor(0).crashEvent], [0, 100, 99]);
      assert.deepEqual(log.types.map(({ name, codec }) => [name, codec]), [['Order', 'trivial']]); // prettier-ignore
      const numbers = [...log.events(0, 100)].map(({ payload }) => [payload.readInt32LE(0), payload.readInt32LE(4)]);
      assert.deepEqual(
        numbers,
        Array.from({ length: 100 }, (_, i) => [i, i * 7]),
      );
      assert.deepEqual([recording.crash!.signal, recording.crash!.address, recording.problems], [11, 0n, []]);
      recording.close();
    });

    it('the recording may be given, or the directory that it is in', async () => {
      await withoutRecording(crashed, async () => {
        const away = `${crashed.recording!}-away`;
        assert.equal((await bring(crashed.core, { recording: away, compare: false })).level, 'full');
        const copy = fs.mkdtempSync(path.join(scratch.path, 'several-'));
        fs.cpSync(away, path.join(copy, 'it.afterimage'), { recursive: true });
        assert.equal((await bring(crashed.core, { recording: copy, compare: false })).level, 'full');
      });
    });

    it('the recording of another run is refused, with both ids', async () => {
      const other = crash(programs.recorded, 'abort', scratch.path);
      await assert.rejects(
        bring(crashed.core, { recording: other.recording! }),
        (error) => error instanceof UserError && error.code === 'other-recording',
      );
    });
  });

  describe('cut off', () => {
    for (const percent of [10, 50, 90]) {
      it(`to ${percent} %: has the last events, and joins its recording`, async () => {
        const core = cutOff(crashed.core, percent);
        const alone = await withoutRecording(crashed, () => bring(core));
        assert.equal(alone.level, 'events');
        says(alone, /The core is cut off: it has [\d,]+ of [\d,]+ bytes/, /its last 100 events are in the core/);
        const joined = await bring(core, { recording: crashed.recording! });
        assert.equal(joined.level, 'full');
        assert.equal(joined.fidelity.every(({ differentPages }) => differentPages === 0), true); // prettier-ignore
      });
    }

    it('behind its notes: the threads and the name of the recording', async () => {
      const core = `${crashed.core}-notes`;
      fs.copyFileSync(crashed.core, core);
      fs.truncateSync(core, firstLoadOffset(crashed.core));
      const alone = await withoutRecording(crashed, () => bring(core));
      assert.equal(alone.level, 'inspect');
      says(alone, /The core is cut off/, /Its recording, .*\.afterimage, is not here: the state at its end can be inspected/);
      assert.equal((await bring(core, { compare: false })).level, 'full'); // found by the path of its control file
    });

    it('inside its headers: refused, with what to do', async () => {
      const core = `${crashed.core}-headers`;
      fs.copyFileSync(crashed.core, core);
      fs.truncateSync(core, 200);
      await assert.rejects(bring(core), /is cut off after 200 bytes, inside its headers.*ulimit -c/);
    });
  });

  describe('filtered', () => {
    it('0x23, no ELF headers: the block still names recording and build', async () => {
      const { core } = crash(programs.recorded, 'segv', scratch.path, '0x23');
      const imported = await bring(core);
      assert.equal(imported.level, 'full');
      says(imported, /builds cannot be compared/, /all [\d,]+ pages of its heap are equal/);
    });

    it('0x3b, shared files too: no less', async () => {
      const imported = await bring(crash(programs.recorded, 'segv', scratch.path, '0x3b').core);
      says(imported, /all [\d,]+ pages of its heap are equal/);
    });

    it('0x0, no memory: the recording is found by the path of its control file', async () => {
      const imported = await bring(crash(programs.recorded, 'segv', scratch.path, '0x0').core);
      assert.equal(imported.level, 'full');
      says(imported, /holds no memory \(coredump_filter was 0/, /The core has no memory of book/);
    });
  });

  describe('of gcore', () => {
    it('between two events: compared there', async () => {
      const imported = await bring((await copyRunning(programs.recorded, 'between', scratch.path)).core);
      assert.equal(imported.level, 'full');
      says(imported, /was still running when the core was taken/, /Replayed book to position 100: all [\d,]+ pages of its heap are equal/);
    });

    it('inside an event that never ends: compared before it', async () => {
      const imported = await bring((await copyRunning(programs.recorded, 'inside', scratch.path)).core);
      assert.deepEqual([imported.fidelity[0]!.position, imported.fidelity[0]!.inside], [99, false]);
      says(imported, /Replayed book to position 99, while the core is of the middle of event 99, so what that event wrote may differ: /);
    });

    it('alone: the last events', async () => {
      const made = await copyRunning(programs.recorded, 'between', scratch.path);
      const imported = await withoutRecording(made, () => bring(made.core));
      assert.equal(imported.level, 'events');
    });
  });

  describe('compressed', () => {
    const tools = [
      ['zst', 'zstd', ['-q', '-c']],
      ['lz4', 'lz4', ['-q', '-c']],
      ['xz', 'xz', ['-0', '-c']],
      ['gz', 'gzip', ['-1', '-c']],
    ] as const;
    for (const [ending, tool, options] of tools) {
      it(`with ${tool}: the same core, as a sparse file`, async () => {
        const compressed = compress(tool, options, crashed.core, ending);
        const stages: string[] = [];
        const imported = await bring(compressed, {
          recording: crashed.recording!,
          compare: false,
          onStage: (stage) => void stages.push(stage),
        });
        assert.equal(imported.level, 'full');
        assert.match(stages.join('\n'), /ended with SIGSEGV.*Unpacking/); // said before all is unpacked
        const unpacked = path.join(imported.directory, 'core');
        assert.ok(fs.readFileSync(unpacked).equals(fs.readFileSync(crashed.core)));
        assert.ok(fs.statSync(unpacked).blocks * 512 < fs.statSync(unpacked).size / 2, 'pages of zeros are holes');
      });

      it(`with ${tool}, and cut off: as much as there is`, async () => {
        const compressed = cutOff(compress(tool, options, crashed.core, ending), 60);
        const imported = await bring(compressed, { recording: crashed.recording!, compare: false });
        assert.match(imported.sentences.join('\n'), /data ends early or is damaged/);
      });
    }

    it('without the program zstd: in JavaScript', async () => {
      const compressed = compress('zstd', ['-q', '-c'], crashed.core, 'zst');
      const before = process.env['PATH'];
      process.env['PATH'] = '/nonexistent';
      try {
        const imported = await bring(compressed, { recording: crashed.recording!, compare: false });
        assert.ok(fs.readFileSync(path.join(imported.directory, 'core')).equals(fs.readFileSync(crashed.core)));
      } finally {
        process.env['PATH'] = before;
      }
    });

    it('without the program xz: what to install', async () => {
      const compressed = compress('xz', ['-0', '-c'], crashed.core, 'xz');
      const before = process.env['PATH'];
      process.env['PATH'] = '/nonexistent';
      try {
        await assert.rejects(bring(compressed), /"xz" is not installed.*apt-get install xz-utils/);
      } finally {
        process.env['PATH'] = before;
      }
    });
  });

  describe('of a program that has moved', () => {
    let moved: MadeCore;
    let program: string;

    before(() => {
      const there = path.join(scratch.path, 'container/app');
      fs.mkdirSync(there, { recursive: true });
      fs.copyFileSync(programs.recorded, path.join(there, 'maker'));
      moved = crash(path.join(there, 'maker'), 'segv', scratch.path);
      program = path.join(scratch.path, 'elsewhere/app/maker');
      fs.mkdirSync(path.dirname(program), { recursive: true });
      fs.renameSync(moved.program, program);
    });

    it('says which build is missing', async () => {
      says(
        await bring(moved.core),
        /The executable .*container\/app\/maker \(build [0-9a-f]{12}\) is not here.*--exe/,
        /Without the executable nothing was replayed/,
      );
    });

    it('--exe, --path-map and --sysroot find it; the imported recording remembers', async () => {
      const maps = { exe: { exe: program }, map: { pathMap: [`${scratch.path}/container=${scratch.path}/elsewhere`] } };
      for (const options of Object.values(maps)) {
        const imported = await bring(moved.core, options);
        says(imported, /all [\d,]+ pages of its heap are equal/);
        const recording = openRecording(imported.directory);
        assert.equal(recording.manifest.executable, program);
        recording.close();
      }
      const sysroot = path.join(scratch.path, 'sysroot');
      fs.mkdirSync(path.join(sysroot, path.dirname(moved.program)), { recursive: true });
      fs.copyFileSync(program, path.join(sysroot, moved.program));
      says(await bring(moved.core, { sysroot }), /all [\d,]+ pages of its heap are equal/);
    });

    it('another build is refused, with both', async () => {
      await assert.rejects(
        bring(moved.core, { exe: programs.plain }),
        (error) => error instanceof UserError && error.code === 'other-build',
      );
    });
  });

  describe('of a program without the recorder', () => {
    for (const way of ['segv', 'abort', 'overflow', 'corrupt'] as Way[]) {
      it(`${way}: for inspection`, async () => {
        const imported = await bring(crash(programs.plain, way, scratch.path).core);
        assert.equal(imported.level, 'inspect');
        says(imported, /It was not recorded by Afterimage: threads, stacks and variables can be inspected/);
        const recording = openRecording(imported.directory);
        assert.deepEqual([recording.state, recording.reactors.length, recording.problems], ['crashed', 0, []]);
        assert.equal(recording.imported!.program, programs.plain);
        assert.ok(fs.existsSync(path.join(recording.directory, recording.imported!.core!)));
        recording.close();
      });
    }
  });

  describe('of a program without the recorder, and not of a whole crash', () => {
    it('gcore: for inspection', async () => {
      const imported = await bring((await copyRunning(programs.plain, 'between', scratch.path)).core);
      assert.equal(imported.level, 'inspect');
      says(imported, /was still running when the core was taken/, /It was not recorded by Afterimage/);
    });

    for (const percent of [10, 50, 90]) {
      it(`cut off to ${percent} %: for inspection, as far as it goes`, async () => {
        const imported = await bring(cutOff(crash(programs.plain, 'segv', scratch.path).core, percent));
        assert.equal(imported.level, 'inspect');
        says(imported, /The core is cut off: it has [\d,]+ of [\d,]+ bytes/, /It was not recorded by Afterimage/);
      });
    }
  });

  it('a snapshot of a recording is not imported', async () => {
    await assert.rejects(bring(path.join(crashed.recording!, 'r0/snap-000000000000.core')), /is a snapshot inside a recording/);
  });

  it('other files are refused: empty, a text, a program', async () => {
    const empty = path.join(scratch.path, 'empty');
    fs.writeFileSync(empty, '');
    await assert.rejects(bring(empty), /is not a core dump: it is empty/);
    await assert.rejects(bring(path.join(crashed.recording!, 'manifest.json')), /is neither an ELF file nor compressed/);
    await assert.rejects(bring(programs.plain), /is an ELF file of type 3: a program or a library/);
  });
});

function compress(tool: string, options: readonly string[], core: string, ending: string): string {
  const target = `${core}.${ending}`;
  const out = fs.openSync(target, 'w');
  execFileSync(tool, [...options, core], { stdio: ['ignore', out, 'inherit'] });
  fs.closeSync(out);
  return target;
}

/** Where the memory begins in a core. */
function firstLoadOffset(core: string): number {
  const head = Buffer.alloc(4096);
  const descriptor = fs.openSync(core, 'r');
  fs.readSync(descriptor, head, 0, head.length, 0);
  fs.closeSync(descriptor);
  const first = Number(head.readBigUInt64LE(32));
  const headers = Array.from({ length: head.readUInt16LE(56) }, (_, i) => first + 56 * i).filter((at) => at + 56 <= head.length);
  return Math.min(...headers.filter((at) => head.readUInt32LE(at) === 1).map((at) => Number(head.readBigUInt64LE(at + 8))));
}
