import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { findDifferences, launcherPath, nativeAvailable, readProcessMemory } from '../../native/index';

/** The mapping of `cat` itself: known content at an address known from outside. */
function firstMapping(pid: number): { begin: bigint; end: bigint; file: string } {
  const found = /^([0-9a-f]+)-([0-9a-f]+) r--p 00000000 \S+ \S+\s+(\/.*)$/m.exec(fs.readFileSync(`/proc/${pid}/maps`, 'utf8'))!;
  return { begin: BigInt(`0x${found[1]}`), end: BigInt(`0x${found[2]}`), file: found[3]! };
}

describe('addon', () => {
  it('is there after a build', () => {
    assert.ok(nativeAvailable());
    fs.accessSync(launcherPath(), fs.constants.X_OK);
  });

  it('does not crash where it was not built: says what is missing, on first use only', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-unbuilt-'));
    fs.mkdirSync(path.join(folder, 'out/native'), { recursive: true });
    fs.copyFileSync(require.resolve('../../native/index'), path.join(folder, 'out/native/index.js'));
    const script = `const native = require('./out/native/index.js'); const tell = (use) => { try { use(); } catch (e) { console.log(e.message); } };
      console.log(native.nativeAvailable()); tell(() => native.readProcessMemory(1, 0n, 1)); tell(() => native.launcherPath());`;
    const said = execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }).trimEnd().split('\n');
    fs.rmSync(folder, { recursive: true });
    assert.equal(said[0], 'false');
    assert.match(said[1]!, /afterimage\.node is missing.*npm run build/);
    assert.match(said[2]!, /afterimage-launch is missing.*npm run build/);
  });

  describe('readProcessMemory', () => {
    const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
    before(async () => {
      child.stdin.write('ready\n');
      await once(child.stdout, 'data');
    });
    after(async () => {
      child.stdin.end();
      await once(child, 'close');
    });

    it('reads what the process has there', () => {
      const { begin, end, file } = firstMapping(child.pid!);
      const bytes = Number(end - begin);
      const want = fs.readFileSync(file).subarray(0, bytes);
      assert.deepEqual(readProcessMemory(child.pid!, begin, bytes).subarray(0, want.length), want);
    });

    it('returns what is readable when the range ends in nothing', () => {
      const stack = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(fs.readFileSync(`/proc/${child.pid}/maps`, 'utf8'))!;
      const end = BigInt(`0x${stack[2]}`);
      assert.equal(readProcessMemory(child.pid!, end - 4096n, 1 << 30).length, 4096);
    });

    it('reads nothing when asked for nothing', () => {
      assert.equal(readProcessMemory(child.pid!, 0n, 0).length, 0);
    });

    it('says where nothing is mapped, and when the process is gone', async () => {
      assert.throws(
        () => readProcessMemory(child.pid!, 0x1000n, 16),
        /process \d+ at 0x1000 \(16 bytes\) is not readable: Bad address\. Nothing is mapped/,
      );
      const gone = spawn('true');
      await once(gone, 'close');
      assert.throws(() => readProcessMemory(gone.pid!, 0x1000n, 16), /No such process\. It has ended\./);
    });

    it('refuses arguments that make no sense', () => {
      assert.throws(() => readProcessMemory(0, 0n, 1), /0 is no process id/);
      assert.throws(() => readProcessMemory(child.pid!, -1n, 1), /-1 is no 64-bit address/);
      assert.throws(() => readProcessMemory(child.pid!, 0n, -1), /number of bytes must be a whole number from 0 on, not -1/);
      assert.throws(() => readProcessMemory(child.pid!, 4096 as unknown as bigint, 1), /4096 is no 64-bit address/);
    });
  });

  describe('findDifferences', () => {
    const pages = 20;
    const changed = (...at: number[]) => {
      const buffer = Buffer.alloc(pages * 4096, 7);
      for (const offset of at) buffer[offset] = 8;
      return buffer;
    };
    const cases = [
      { title: 'nothing in equal memory', at: [], want: [] },
      {
        title: 'the first and the last byte',
        at: [0, pages * 4096 - 1],
        want: [
          { first: 0, count: 1 },
          { first: pages - 1, count: 1 },
        ],
      },
      { title: 'neighbours as one run', at: [4095, 4096, 3 * 4096 - 1], want: [{ first: 0, count: 3 }] },
      {
        title: 'separate runs',
        at: [4096, 3 * 4096],
        want: [
          { first: 1, count: 1 },
          { first: 3, count: 1 },
        ],
      },
    ];
    for (const { title, at, want } of cases) it(title, () => assert.deepEqual(findDifferences(changed(), changed(...at)), want));

    it('a last, partial page counts', () => {
      assert.deepEqual(findDifferences(Buffer.from('aaaab'), Buffer.from('aaaac'), 4), [{ first: 1, count: 1 }]);
    });

    it('compares ranges of files', () => {
      const file = path.join(os.tmpdir(), `afterimage-differences-${process.pid}`);
      fs.writeFileSync(file, Buffer.concat([Buffer.alloc(100), changed(4096)]));
      assert.deepEqual(findDifferences(changed(), { path: file, offset: 100 }), [{ first: 1, count: 1 }]);
      assert.throws(() => findDifferences(changed(), { path: file, offset: 100, bytes: 1 << 20 }), /has only 81920 of 1048576 bytes/);
      fs.rmSync(file);
    });

    it('refuses ranges of different size', () => {
      assert.throws(() => findDifferences(Buffer.alloc(1), Buffer.alloc(2)), /same size can be compared, not 1 and 2 bytes/);
    });
  });
});
