// A reactor that creates others in react(), where some constructors throw (guests.cc): the replay of the one that creates them does not
// have the others, and goes the same way.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { afterimage } from '../support/cli';
import { compileProgram, onlyRecordingIn, root } from '../support/fixture-programs';
import { temporaryDirectory } from '../support/temporary-directory';

describe('reactors that are created in react()', function () {
  this.timeout(120_000); // compiles a program
  const directory = temporaryDirectory();

  it('are there in the replay for who has created them, or are not', async () => {
    execFileSync(compileProgram(path.join(root, 'test/end-to-end/guests.cc'), directory.path, '-O2'), [directory.path], {
      stdio: 'ignore',
    });
    const { code, stdout } = await afterimage(['verify', '--json', onlyRecordingIn(directory.path)]);
    const { reactors } = JSON.parse(stdout);
    assert.equal(code, 0, stdout);
    assert.deepEqual(
      reactors.map(({ replay }: { replay: { name: string } }) => replay.name),
      ['host', ...Array<string>(7).fill('guest')],
    );
  });
});
