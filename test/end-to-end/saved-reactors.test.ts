// A program that keeps its reactors in a database: each is restored for one event, and saved again. The crash is in a reactor that was restored.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { afterimage } from '../support/cli';
import { programPath, recordCrash, withDirectory } from '../support/fixture-programs';

const TRANSFERS = 300;
const KEPT = 64; // the program's Options::keep_ended_reactors

describe('a reactor that was restored', function () {
  this.timeout(120_000);

  it('is replayed to its crash', () =>
    withDirectory(async (directory) => {
      const bundle = await recordCrash('account-store', directory, ['--transfers', String(TRANSFERS)]);
      const recording = openRecording(bundle);
      try {
        const crashed = recording.crashedReactor();
        assert.ok(crashed !== undefined);
        assert.equal(crashed.name, 'account 3');
        const replayer = Replayer.start(recording, { reactor: crashed.id, program: programPath('account-store') });
        try {
          await replayer.ready();
          const end = await replayer.run(crashed.started);
          assert.equal(end.event, 'crash');
          assert.deepEqual(replayer.divergences, []);
        } finally {
          replayer.kill();
        }
      } finally {
        recording.close();
      }
    }));

  it('has in its memory what all events before have left', () =>
    withDirectory(async (directory) => {
      const bundle = await recordCrash('account-store', directory, ['--transfers', String(TRANSFERS)]);
      const { stdout, stderr } = await afterimage(['history', bundle, '--json', '--expression', 'balance_']);
      assert.notEqual(stdout, '', stderr);
      const expected = Array.from({ length: TRANSFERS - 1 }, (_, i) => i + 1).filter((i) => i % 5 === 3);
      assert.match(stdout, new RegExp(`\\b${expected.reduce((sum, cents) => sum + cents, 0)}\\b`));
    }));

  it('says since when it has the number of one that is gone, before its own events', () =>
    withDirectory(async (directory) => {
      const recording = openRecording(await recordCrash('account-store', directory, ['--transfers', String(TRANSFERS)]));
      try {
        const crashed = recording.crashedReactor();
        assert.ok(crashed?.numberSinceNs !== undefined);
        const { timeNs } = recording.log(crashed.id).event(0);
        assert.ok(crashed.numberSinceNs <= timeNs && crashed.numberSinceNs > recording.manifest.startTimeNs);
        assert.ok(recording.meantAnother(crashed.id, recording.manifest.startTimeNs));
        assert.ok(!recording.meantAnother(crashed.id, timeNs));
      } finally {
        recording.close();
      }
    }));

  it('leaves a recording that does not grow with every reactor', () =>
    withDirectory(async (directory) => {
      const bundle = await recordCrash('account-store', directory, ['--transfers', String(TRANSFERS)]);
      const reactors = fs.readdirSync(bundle).filter((name) => /^r\d+$/.test(name));
      assert.equal(reactors.length, KEPT + 1); // those that are gone, and the one that crashed
      for (const name of reactors) assert.ok(fs.existsSync(path.join(bundle, name, 'snap-000000000000.core')), name);
      const { code, stdout, stderr } = await afterimage(['verify', bundle]);
      assert.equal(code, 0, stdout + stderr);
    }));
});
