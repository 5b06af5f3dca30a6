// Minidumps: what they say is shown, what they lack is said.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { importCore } from '../../../debug-adapter/import';
import { ElfCore } from '../../../debug-adapter/import/core';
import { openRecording } from '../../../debug-adapter/recording';
import { temporaryDirectory } from '../../support/temporary-directory';
import { minidump } from './minidump-writer';

describe('importing a minidump', () => {
  const scratch = temporaryDirectory();

  it('shows signal, threads and modules with their builds, and says that the heap is missing', async () => {
    const file = path.join(scratch.path, 'crash.dmp');
    fs.writeFileSync(file, minidump());
    const imported = await importCore(file, { output: path.join(scratch.path, 'crash.afterimage') });
    assert.equal(imported.level, 'inspect');
    assert.match(imported.sentences.join('\n'), /orders ended with SIGSEGV \(address not mapped\) at address 0x10\./);
    assert.match(
      imported.sentences.join('\n'),
      /minidump: one thread, and 512 bytes of memory.*The executable is not here.*The heap is not in it/,
    );
    assert.match(imported.sentences.join('\n'), /1 of 2 modules have no build-id/);

    const recording = openRecording(imported.directory);
    const { crash, manifest } = recording;
    assert.deepEqual([crash!.signal, crash!.code, crash!.address, crash!.rip], [11, 1, 0x10n, 0x5555_5555_6123n]);
    assert.deepEqual(
      manifest.modules.map(({ kind, path: file, buildId }) => [kind, file, buildId]),
      [['exe', '/opt/shop/orders', '9f2c000102030405060708090a0b0c0d0e0f1011'], ['lib', '/usr/lib/libc.so.6', '']],
    ); // prettier-ignore
    assert.deepEqual(manifest.commandLine, ['/opt/shop/orders', '--fast']);
    assert.deepEqual(recording.imported!.threads, [{ id: 4712, instruction: 0x5555_5555_6123n, stack: 0x7fff_ffff_de00n }]);
    const core = ElfCore.open(path.join(imported.directory, recording.imported!.core!));
    const [thread] = core.threads;
    assert.deepEqual(
      [thread!.id, thread!.registers.get('rip'), thread!.registers.get('rsp')],
      [4712, 0x5555_5555_6123n, 0x7fff_ffff_de00n],
    );
    assert.deepEqual(core.read(0x7fff_ffff_de00n, 512), Buffer.alloc(512, 0xab));
    assert.deepEqual(core.signal, { number: 11, code: 1, address: 0x10n });
    core.close();
    recording.close();
  });

  it('cut off: as much as there is', async () => {
    const file = path.join(scratch.path, 'cut.dmp');
    fs.writeFileSync(file, minidump().subarray(0, 1900));
    const imported = await importCore(file, { output: path.join(scratch.path, 'cut.afterimage') });
    assert.match(imported.sentences.join('\n'), /of the minidump is cut off/);
  });
});
