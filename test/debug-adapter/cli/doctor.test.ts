// The doctor: on this machine, which runs these tests, and about machines that lack something.

import assert from 'node:assert/strict';
import { examine } from '../../../debug-adapter/cli/checks';
import { type Machine } from '../../../debug-adapter/cli/machine';
import { afterimage } from '../../support/cli';

const good: Machine = {
  platform: 'linux',
  architecture: 'x64',
  kernel: '6.8.0-45-generic',
  nodeVersion: '20.11.1',
  native: true,
  launcher: true,
  gdb: { command: 'gdb', version: '14.2', python: true, runsPrograms: true },
  ptraceScope: 1,
  checkpointRestore: true,
  userfaultfd: 0,
  overcommit: 0,
  clocksource: 'tsc',
  cpu: 'A Processor',
  cpuFlags: new Set(['constant_tsc', 'nonstop_tsc', 'avx2']),
  corePattern: '|/usr/share/apport/apport -p%p',
  coreLimit: '0',
  freeBytes: 100 * 2 ** 30,
  administrator: false,
};

describe('afterimage doctor', () => {
  it('says that the machine that runs these tests can record and replay', async () => {
    const { code, stdout, stderr } = await afterimage(['doctor']);
    assert.match(stdout, /^✓ system +Linux on x86-64\.\n/, stderr);
    assert.match(stdout, /\nThis machine can record and replay(;|\.)/);
    assert(stdout.split('\n').every((line) => line.length <= 80), stdout); // prettier-ignore
    assert.equal(code, 0);
  });

  it('as JSON: a status, a sentence and a remedy for each', async () => {
    const { code, stdout } = await afterimage(['doctor', '--json']);
    const { ok, failures, checks } = JSON.parse(stdout);
    assert.deepEqual([code, ok, failures], [0, true, 0]);
    for (const { name, status, sentence, fix } of checks) {
      assert.match(name, /^[a-z]+$/);
      assert.match(sentence, /^.{10,}[.]$/);
      assert.equal(fix === undefined, status === 'ok');
    }
  });

  it('ends with 1 and says how to get gdb when it is missing', async () => {
    const { code, stdout } = await afterimage(['doctor', '--gdb', '/nowhere/gdb']);
    assert.match(stdout, /✗ gdb +\/nowhere\/gdb was not found.*\n +On Debian or Ubuntu: sudo apt-get install gdb\n/);
    assert.match(stdout, /\n1 thing to mend before this machine can record and replay\.\n$/);
    assert.equal(code, 1);
  });

  it('puts no colours into a pipe, where CI is set neither', async () => {
    const { stdout } = await afterimage(['doctor'], { CI: 'true' });
    assert(!stdout.includes('\u001b'), stdout); // prettier-ignore
  });

  it('has nothing to say against a good machine', () => {
    assert.deepEqual(examine(good).filter(({ status }) => status !== 'ok'), []); // prettier-ignore
  });

  const lacks: { title: string; change: Partial<Machine>; name: string; status: 'warn' | 'fail'; says: RegExp }[] = [
    { title: 'another system', change: { platform: 'darwin' }, name: 'system', status: 'fail', says: /Use Linux on x86-64/ },
    { title: 'an old kernel', change: { kernel: '5.15.0' }, name: 'kernel', status: 'warn', says: /unprivileged_userfaultfd=1/ },
    { title: 'an old kernel of an administrator', change: { kernel: '6.6.1', administrator: true }, name: 'kernel', status: 'warn', says: /copy on write/ },
    { title: 'a slow clock', change: { clocksource: 'hpet', cpuFlags: new Set(['avx2']) }, name: 'clock', status: 'warn', says: /slow reading/ },
    { title: 'strict memory', change: { overcommit: 2 }, name: 'memory', status: 'warn', says: /vm\.overcommit_memory=0/ },
    { title: 'a full disk', change: { freeBytes: 1000 }, name: 'disk', status: 'fail', says: /1000 B free.*Make room/ },
    { title: 'an old Node', change: { nodeVersion: '18.20.0' }, name: 'node', status: 'fail', says: /Node 18\.20\.0 is too old/ },
    { title: 'no native part', change: { launcher: false }, name: 'launcher', status: 'fail', says: /npm run build/ },
    { title: 'a kernel without PR_SET_MM_MAP', change: { checkpointRestore: false }, name: 'placement', status: 'warn', says: /CONFIG_CHECKPOINT_RESTORE/ },
    { title: 'a strict Yama', change: { ptraceScope: 2 }, name: 'ptrace', status: 'fail', says: /sysctl kernel\.yama\.ptrace_scope=1/ },
    { title: 'a container without ptrace', change: { gdb: { ...good.gdb, runsPrograms: false } }, name: 'ptrace', status: 'fail', says: /--cap-add SYS_PTRACE/ },
    { title: 'a gdb without Python', change: { gdb: { ...good.gdb, python: false } }, name: 'gdb', status: 'fail', says: /has no Python/ },
    { title: 'an old gdb', change: { gdb: { ...good.gdb, version: '9.2' } }, name: 'gdb', status: 'fail', says: /Use gdb 12 or newer/ },
    { title: 'no core dumps', change: { corePattern: '|/bin/false' }, name: 'cores', status: 'warn', says: /core_pattern=core/ },
    { title: 'a shell without core dumps', change: { corePattern: 'core' }, name: 'cores', status: 'warn', says: /ulimit -c unlimited/ },
  ]; // prettier-ignore
  for (const { title, change, name, status, says } of lacks) {
    it(`notices ${title}`, () => {
      const [found, ...more] = examine({ ...good, ...change }).filter((check) => check.status !== 'ok');
      assert.deepEqual([found?.name, found?.status, more], [name, status, []]);
      assert.match(`${found?.sentence} ${found?.fix}`, says);
    });
  }
});
