// Where cores come from: the newest file of a core_pattern, and the handler that keeps them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { latestCore } from '../../../debug-adapter/import';
import { newestKept } from '../../../debug-adapter/import/latest';
import { root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';

const handler = path.join(root, 'scripts/core-pattern-handler');

describe('the newest core', () => {
  const scratch = temporaryDirectory();

  function write(name: string, seconds: number): string {
    const file = path.join(scratch.path, name);
    fs.writeFileSync(file, name);
    fs.utimesSync(file, seconds, seconds);
    return file;
  }

  it('of a pattern with specifiers; other files do not count', () => {
    write('core.orders.1', 1000);
    const newest = write('core.orders.2', 3000);
    write('core.orders.3.zst', 2000);
    write('orders.log', 4000);
    assert.equal(latestCore(scratch.path, `${scratch.path}/core.%e.%p`), newest);
  });

  it('there is none: where it was looked for, and the usual reason', () => {
    assert.throws(() => latestCore(scratch.path, `${scratch.path}/nothing.%p`), /No core dump was found: .* has none .*ulimit -c/);
    assert.throws(() => latestCore(scratch.path, '|/usr/share/apport/apport %p'), /does not say where it puts them/);
  });

  describe('of systemd', () => {
    const crash = (pid: number, time: number, corefile: string) => ({
      time,
      pid,
      uid: 0,
      gid: 0,
      sig: 11,
      corefile,
      exe: '/usr/bin/orders',
      size: 20684,
    });
    const listOf = (...crashes: object[]) => JSON.stringify(crashes);

    it('is the newest whose core is kept, if only in part', () => {
      assert.equal(newestKept(listOf(crash(1, 100, 'present'), crash(2, 300, 'missing'), crash(3, 200, 'truncated'))).pid, 3);
      assert.equal(newestKept(listOf({ time: 5, pid: 9, corefile: 'present', exe: null })).pid, 9);
    });

    it('without one: how many there were, and what became of the newest', () => {
      const list = listOf(crash(1, 100, 'missing'), crash(2, 300, 'none'));
      assert.throws(
        () => newestKept(list),
        /lists 2 crashes, but no core is kept; that of \/usr\/bin\/orders \(process 2\) is "none" .*coredump\.conf/,
      );
      assert.throws(() => newestKept('[]'), /coredumpctl lists no crash/);
      assert.throws(() => newestKept('No coredumps found.'), /list is not understood \(it begins with "No coredumps found\."\)/);
    });

    it('is taken out of the journal by coredumpctl', () => {
      const programs = path.join(scratch.path, 'bin');
      const answer = `case $1 in list) echo '${listOf(crash(41, 100, 'present'), crash(42, 200, 'present'))}';; dump) echo "core of $2" > "$4";; esac`;
      fs.mkdirSync(programs);
      fs.writeFileSync(path.join(programs, 'coredumpctl'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
      const before = process.env['PATH'];
      process.env['PATH'] = `${programs}:${before}`;
      try {
        const core = latestCore(scratch.path, '|/lib/systemd/systemd-coredump %P %u %g %s %t %c %h');
        assert.equal(fs.readFileSync(core, 'utf8'), 'core of 42\n');
      } finally {
        process.env['PATH'] = before;
      }
    });
  });

  it('of our handler: kept compressed, readable by the owner alone, the oldest dropped', () => {
    const directory = path.join(scratch.path, 'crashes');
    const core = Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(100_000, 'x')]);
    const environment = { ...process.env, AFTERIMAGE_CORES_KEPT: '2' };
    for (const pid of [11, 12, 13]) {
      const { status, stderr } = spawnSync(handler, [directory, String(pid), String(process.getuid?.() ?? 0), '../evil name'], { input: core, env: environment, encoding: 'utf8' }); // prettier-ignore
      assert.equal(status, 0, stderr);
      for (const name of fs.readdirSync(directory)) if (name.includes(`.${pid}`)) fs.utimesSync(path.join(directory, name), pid, pid);
    }
    const names = fs.readdirSync(directory).sort();
    assert.equal(names.length, 2);
    assert.ok(
      names.every((name) => /^core\.___evil_name\.\d{8}-\d{6}\.1[123]\.zst$/.test(name)),
      names.join(),
    );
    assert.equal(fs.statSync(path.join(directory, names[0]!)).mode & 0o777, 0o600);
    const newest = latestCore(scratch.path, `|${handler} ${directory} %p %u %e`);
    assert.match(newest, /\.13\.zst$/);
    const unpacked = spawnSync('zstd', ['-dc', newest]).stdout;
    assert.ok(unpacked.equals(core));
  });
});
