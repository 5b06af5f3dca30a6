// Snapshots that the recorder compresses: smaller, and for everything else as good as the others.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, withDirectory } from '../support/fixture-programs';

/** The engine that stops takes each when it is due. */
function record(directory: string): string {
  const args = ['--engine', 'stop', '--compression', '1', '--events', '20000', '--directory', directory];
  const { status, stderr } = spawnSync(programPath('page-writer'), args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return onlyRecordingIn(directory);
}

const snapshotsOf = (recording: string) => openRecording(recording).snapshots(0);

describe('compressed snapshots', function () {
  this.timeout(120_000);

  it('are what the replay goes through, but for the first, for which the reactor waited', () =>
    withDirectory(async (directory) => {
      const recording = record(directory);
      const [first, ...others] = snapshotsOf(recording);
      assert.match(first!.path, /\.core$/);
      assert.ok(others.length > 0);
      for (const { path: file, fileBytes, heapBytes } of others) {
        assert.match(file, /\.core\.zst$/);
        assert.ok(fileBytes < heapBytes / 2, `${fileBytes} bytes for ${heapBytes}`);
      }
      const { code, stdout, stderr } = await afterimage(['verify', '--json', recording]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.deepEqual(JSON.parse(stdout).reactors[0].memory, { snapshots: others.length, differences: [], count: 0 });
    }));

  it('are core files to the tools that read those, once zstd has decompressed them', () =>
    withDirectory(async (directory) => {
      const last = snapshotsOf(record(directory)).at(-1)!;
      const core = path.join(directory, 'last.core');
      execFileSync('zstd', ['-q', '-d', '-o', core, last.path]);
      const said = execFileSync('readelf', ['--wide', '--program-headers', core], { encoding: 'utf8' });
      assert.match(said, /Elf file type is CORE/);
      assert.equal(said.match(/^ {2}LOAD /gm)?.length, last.loads.length);
      const { stdout } = spawnSync('gdb', ['-nx', '-batch', '-ex', `p/x *(long*)${last.slotBase}`, '--core', core], { encoding: 'utf8' });
      assert.match(stdout, /^\$1 = 0x[0-9a-f]+$/m);
    }));

  it('come out of a packed recording as they went in', () =>
    withDirectory(async (directory) => {
      const recording = record(directory);
      const [packed, unpacked] = [`${directory}/packed.mcap`, `${directory}/unpacked`];
      assert.equal((await afterimage(['pack', recording, '--output', packed])).code, 0);
      assert.equal((await afterimage(['unpack', packed, '--output', unpacked])).code, 0);
      for (const { path: file } of snapshotsOf(recording))
        assert.ok(fs.readFileSync(file).equals(fs.readFileSync(`${unpacked}/r0/${path.basename(file)}`)), file);
    }));

  it('are refused in one sentence when they are damaged, and not used when they are cut off', () =>
    withDirectory(async (directory) => {
      const recording = record(directory);
      const { path: file, fileBytes } = snapshotsOf(recording).at(-1)!;
      const bytes = fs.readFileSync(file);
      bytes[fileBytes >> 1]! ^= 0xff;
      fs.writeFileSync(file, bytes);
      const { code, stderr } = await afterimage(['verify', recording]);
      assert.match(stderr, /^afterimage: [^\n]*snap-\d+\.core\.zst is damaged in frame \d+: [^\n]+an earlier snapshot then serves\.\n$/);
      assert.equal(code, 2);
      fs.truncateSync(file, fileBytes >> 1);
      assert.match(openRecording(recording).problems.join(), /\.core\.zst is not used: it is cut off/);
      assert.equal((await afterimage(['replay', recording])).code, 0);
    }));
});
