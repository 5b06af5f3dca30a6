import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { launcherPath } from '../../native/index';
import { built, buildPrograms, endLaunches, launch, type LaunchOptions, plugin, record, type Recorded } from './programs';

const program = (name: string) => path.join(built, name);

describe('launcher', () => {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-launcher-'));
  let pie: Recorded;

  before('build the programs', function () {
    this.timeout(300_000);
    buildPrograms();
    pie = record(program('pie'), path.join(scratch, 'pie'), [plugin]);
  });
  afterEach(endLaunches);
  after(() => fs.rmSync(scratch, { recursive: true, force: true }));

  /** The recorded plan with one text replaced, as a new file. */
  function changedPlan(from: string | RegExp, to: string): string {
    const text = fs.readFileSync(pie.plan, 'utf8');
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, `nothing replaced in ${text}`);
    const file = path.join(scratch, 'changed-plan');
    fs.writeFileSync(file, changed);
    return file;
  }

  async function assertSameAddresses(recorded: Recorded, options?: LaunchOptions): Promise<string> {
    const replay = launch(recorded.program, recorded.plan, options);
    const facts = await replay.facts;
    assert.equal(await replay.finish(), 0, replay.errors);
    for (const [name, value] of recorded.facts) assert.equal(facts.get(name), value, `${name}\n${replay.errors}`);
    return replay.errors;
  }

  /** For launches that must fail: exit code and stderr. */
  async function fail(plan: string, programFile = pie.program, options?: LaunchOptions) {
    const replay = launch(programFile, plan, options);
    return { code: await replay.exited, errors: replay.errors };
  }

  describe('puts everything at its recorded address, in 20 launches under ASLR', () => {
    const cases = [
      { title: 'a position-independent executable with a plugin of 2 MiB pages', name: 'pie', libraries: [plugin] },
      { title: 'an executable with 2 MiB pages', name: 'aligned-pie', libraries: [plugin] },
      { title: 'an executable at a fixed address', name: 'non-pie', libraries: [plugin] },
      { title: 'libstdc++ linked statically', name: 'static-runtime', libraries: [plugin] },
      { title: 'a static executable', name: 'static', libraries: [] },
      { title: 'a static position-independent executable', name: 'static-pie', libraries: [] },
    ];
    for (const { title, name, libraries } of cases) {
      it(title, async function () {
        this.timeout(120_000);
        const recorded = record(program(name), path.join(scratch, 'variants', name), libraries);
        for (let round = 0; round < 20; round++) {
          const complaints = await assertSameAddresses(recorded);
          assert.equal(complaints, '');
        }
      });
    }

    it('an environment that makes ld.so allocate other amounts before the TLS block', async function () {
      this.timeout(120_000);
      for (let bytes = 1; bytes < 8192; bytes += 417) {
        const complaints = await assertSameAddresses(pie, { environment: { LD_LIBRARY_PATH: `/${'x'.repeat(bytes)}` } });
        assert.equal(complaints, '');
      }
    });

    it('two recordings differ, so the equality means something', () => {
      const other = record(program('pie'), path.join(scratch, 'other'), [plugin]);
      for (const name of ['main', 'cout', 'counter', 'heap', 'canary', `base-of-${plugin}`]) {
        assert.notEqual(other.facts.get(name), pie.facts.get(name), name);
      }
    });
  });

  describe('hands over', () => {
    it('a plan that only the started program can find', async () => {
      // The test's replayer refuses a plan without the nonce, and an inherited variable must not be believed.
      await assertSameAddresses(pie, { environment: { AFTERIMAGE_REPLAY: '99:0123456789abcdef' } });
    });

    it('a plan read from stdin, which the program does not see', async () => {
      const replay = launch(pie.program, '-', { input: fs.readFileSync(pie.plan, 'utf8') });
      assert.equal((await replay.facts).get('stdin-bytes'), '0');
      assert.equal(await replay.finish(), 0, replay.errors);
    });

    it('an empty stdin, or the file given', async () => {
      const silent = launch(pie.program, pie.plan);
      assert.equal((await silent.facts).get('stdin-bytes'), '0');
      await silent.finish();
      const given = launch(pie.program, pie.plan, { options: ['--stdin', pie.plan] });
      assert.equal((await given.facts).get('stdin-bytes'), '1');
      await given.finish();
    });

    it('the exit status of the replayer', async () => {
      const replay = launch(pie.program, pie.plan);
      await replay.facts;
      assert.equal(await replay.finish(3), 3);
    });

    it('128 + the signal that killed the replayer', async () => {
      const replay = launch(pie.program, pie.plan);
      process.kill(await replay.pid(), 'SIGSEGV');
      assert.equal(await replay.exited, 128 + os.constants.signals.SIGSEGV);
    });

    it('a process that nobody traces and nothing stops', async () => {
      const replay = launch(pie.program, pie.plan);
      const status = fs.readFileSync(`/proc/${await replay.pid()}/status`, 'utf8');
      assert.match(status, /^TracerPid:\t0$/m);
      assert.doesNotMatch(status, /^State:\t[tT]/m);
      await replay.finish();
    });

    it('a program that replaced itself by exec, or stopped itself, before the replayer was ready', async () => {
      await assertSameAddresses(pie, { environment: { SUBJECT_BEFORE_MAIN: 'exec' } });
      await assertSameAddresses(pie, { environment: { SUBJECT_BEFORE_MAIN: 'stop' } });
    });

    it('what it did, with --verbose', async () => {
      const said = await assertSameAddresses(pie, { options: ['--verbose'] });
      assert.ok(said.includes(`afterimage-launch: ${plugin} at 0x${pie.facts.get(`base-of-${plugin}`)}\n`), said);
    });
  });

  it('gdb attaches afterwards, and finds executable, libraries and frames at the recorded addresses', async function () {
    this.timeout(120_000);
    const replay = launch(pie.program, pie.plan);
    const commands = [
      'print/x (long)&main',
      "print/x (long)&'(anonymous namespace)::counter'",
      'info sharedlibrary',
      'backtrace',
      'detach',
    ];
    const pid = await replay.pid();
    const gdb = ['--batch', '-nx', '-p', `${pid}`, ...commands.flatMap((command) => ['-ex', command])];
    const { stdout, stderr } = await promisify(execFile)('gdb', gdb);
    const said = stdout + stderr;
    assert.ok(said.includes(`$1 = ${pie.facts.get('main')}`), said);
    assert.ok(said.includes(`$2 = ${pie.facts.get('counter')}`), said);
    assert.match(said, /^#\d+ .* in hook_replay \(\) at .*hook\.cc/m);
    const plan = fs.readFileSync(pie.plan, 'utf8');
    for (const [, base, bytes, file] of plan.matchAll(/^module lib ([0-9a-f]+) ([0-9a-f]+) \S+ (.*)$/gm)) {
      const line = said
        .split('\n')
        .find((candidate) => path.basename(fs.realpathSync.native(lastWord(candidate))) === path.basename(file!));
      const text = BigInt(line!.split(/\s+/)[0]!);
      assert.ok(text >= BigInt(`0x${base}`) && text < BigInt(`0x${base}`) + BigInt(`0x${bytes}`), line);
    }
    assert.equal(await replay.finish(), 0);
  });

  describe('refuses', () => {
    const otherId = '00112233445566778899aabbccddeeff00112233';

    it('another build of the executable, naming both build-ids (65)', async () => {
      const { code, errors } = await fail(pie.plan, program('pie-other-build'));
      assert.equal(code, 65);
      assert.ok(errors.includes(program('pie-other-build')), errors);
      assert.match(errors, new RegExp(`recorded build-id ${buildId(pie.program)}, found ${buildId(program('pie-other-build'))};.*--force`));
      assert.equal(errors.trimEnd().split('\n').length, 1);
    });

    for (const name of ['libhook.so', 'plugin.so', 'libc.so.6', 'ld-linux-x86-64.so.2']) {
      it(`another build of ${name} (65), unless --force is given`, async () => {
        const found = new RegExp(` ([0-9a-f]+) (\\S*/${name})\n`).exec(fs.readFileSync(pie.plan, 'utf8'))!;
        const plan = changedPlan(found[1]!, otherId);
        const { code, errors } = await fail(plan);
        assert.equal(code, 65, errors);
        assert.ok(errors.includes(`recorded build-id ${otherId}, found ${found[1]};`) && errors.includes(found[2]!), errors);
        const complaints = await assertSameAddresses({ ...pie, plan }, { options: ['--force'] });
        assert.match(complaints, new RegExp(`${name}.*${otherId}.*--force`));
      });
    }

    it('another executable with --force only when it never gets ready (68)', async () => {
      const { code, errors } = await fail(pie.plan, '/bin/true', { options: ['--force'] });
      assert.equal(code, 68);
      assert.match(errors, /ended with exit status 0 before the replayer was ready/);
    });

    it('a program that is missing, no ELF file, or not executable (66)', async () => {
      const script = path.join(scratch, 'script');
      fs.writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
      const copy = path.join(scratch, 'not-executable');
      fs.copyFileSync(pie.program, copy);
      fs.chmodSync(copy, 0o644);
      const expectations: [string, RegExp][] = [
        [path.join(scratch, 'nowhere'), /nowhere cannot be read: No such file or directory/],
        [script, /script is not an x86-64 ELF file/],
        [copy, /not-executable cannot be executed: Permission denied/],
      ];
      for (const [file, message] of expectations) {
        const { code, errors } = await fail(pie.plan, file);
        assert.equal(code, 66, errors);
        assert.match(errors, message);
      }
    });

    it('a program that ends before the replayer is ready (68)', async () => {
      const exits = await fail(pie.plan, pie.program, { environment: { SUBJECT_BEFORE_MAIN: 'exit' } });
      assert.equal(exits.code, 68);
      assert.match(exits.errors, /ended with exit status 9 before the replayer was ready/);
      const crashes = await fail(pie.plan, pie.program, { environment: { SUBJECT_BEFORE_MAIN: 'crash' } });
      assert.equal(crashes.code, 68);
      assert.match(crashes.errors, /ended by signal 4 \(Illegal instruction\) before the replayer was ready/);
    });

    it('a layout that can never be free (67)', async function () {
      this.timeout(120_000);
      const exe = pie.facts.get(`base-of-${pie.program}`)!;
      const { code, errors } = await fail(changedPlan(/^brk .*$/m, `brk ${exe}`));
      assert.equal(code, 67);
      assert.match(errors, new RegExp(`no free layout in 50 attempts, .*the heap belongs at 0x${exe}`));
    });

    it('to work where ptrace is forbidden (69)', async () => {
      const { code, errors } = await fail(pie.plan, pie.program, { through: [program('without-ptrace')] });
      assert.equal(code, 69);
      assert.match(errors, /ptrace is not permitted here \(Operation not permitted\); allow it/);
    });

    it('a missing plan, an unknown option, and too few arguments (64)', async () => {
      assert.match((await fail(path.join(scratch, 'no-plan'))).errors, /no-plan cannot be opened: No such file/);
      assert.match((await fail(pie.plan, pie.program, { options: ['--fast'] })).errors, /unknown option --fast; usage: /);
      const replay = launch('', '');
      assert.equal(await replay.exited, 64);
    });

    const damages: { title: string; from: string | RegExp; to: string; message: RegExp }[] = [
      { title: 'another version', from: 'afterimage-plan 1', to: 'afterimage-plan 2', message: /line 1: a plan begins with/ },
      { title: 'garbage', from: 'reactor 0', to: '\x01\x02', message: /line 3: unknown item/ },
      {
        title: 'a base that is no number',
        from: /^module exe \S+/m,
        to: 'module exe 0xq',
        message: /line 5: module base must be a hex number/,
      },
      {
        title: 'a base inside a page',
        from: /^module exe \S+/m,
        to: 'module exe 555500000010',
        message: /line 5: module base 0x555500000010 is not/,
      },
      {
        title: 'a kernel address',
        from: /^fs .*$/m,
        to: 'fs ffff888000000000',
        message: /line \d+: fs 0xffff888000000000 is not an address/,
      },
      { title: 'an unknown kind', from: 'module exe', to: 'module dll', message: /line 5: module kind must be/ },
      { title: 'a short at-random', from: /^at-random .*$/m, to: 'at-random 00ff', message: /line \d+: at-random must be 32/ },
      { title: 'no executable', from: /^module exe .*\n/m, to: '', message: /0 modules of kind exe/ },
      { title: 'overlapping modules', from: /^module exe (.*)$/m, to: 'module exe $1\nmodule lib $1', message: /overlap at 0x/ },
    ];
    for (const { title, from, to, message } of damages) {
      it(`a plan with ${title} (64)`, async () => {
        const { code, errors } = await fail(changedPlan(from, to));
        assert.equal(code, 64, errors);
        assert.match(errors, message);
        assert.match(errors, /^afterimage-launch: [^\n]*changed-plan[^\n]*\n$/);
      });
    }
  });

  describe('leaves no process behind', () => {
    it('when it is asked to end', async () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const replay = launch(pie.program, pie.plan);
        const pid = await replay.pid();
        replay.process.kill(signal);
        assert.equal(await replay.exited, 128 + os.constants.signals[signal]);
        assert.ok(!fs.existsSync(`/proc/${pid}`), `process ${pid} has not been reaped`);
      }
    });

    it('when it is killed', async () => {
      const replay = launch(pie.program, pie.plan);
      await replay.pid();
      replay.process.kill('SIGKILL');
      await replay.reportsEnded; // only the replayer has its end of the reports open
    });

    it('when its parent is killed', async () => {
      const replay = launch(pie.program, pie.plan, { through: ['sh', '-c', '"$@" & wait', 'sh'] });
      await replay.pid();
      replay.process.kill('SIGKILL');
      await replay.reportsEnded;
    });
  });

  it('needs no privilege', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-unprivileged-'));
    fs.chmodSync(folder, 0o755);
    for (const file of [launcherPath(), pie.program, plugin, program('libhook.so'), program('libdependency.so')]) {
      fs.copyFileSync(file, path.join(folder, path.basename(file)));
    }
    const recorded = record(path.join(folder, 'pie'), folder, [path.join(folder, 'plugin.so')]);
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
    const through = ['setpriv', '--no-new-privs', ...(process.getuid!() === 0 ? asNobody : [])];
    await assertSameAddresses(recorded, { through, launcher: path.join(folder, 'afterimage-launch') });
    fs.rmSync(folder, { recursive: true });
  });
});

function lastWord(line: string): string {
  const word = line.slice(line.lastIndexOf(' ') + 1);
  return fs.existsSync(word) ? word : '/';
}

function buildId(file: string): string {
  return /Build ID: ([0-9a-f]+)/.exec(execFileSync('readelf', ['-n', file], { encoding: 'utf8' }))![1]!;
}
