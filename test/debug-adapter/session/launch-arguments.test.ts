import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { launchSchema, parseLaunchArguments } from '../../../debug-adapter/session/launch-arguments';
import { root } from '../../support/fixture-programs';

describe('launch arguments', () => {
  it('are described in package.json as they are checked', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      contributes: { debuggers: { configurationAttributes: { launch: unknown } }[] };
    };
    assert.deepEqual(manifest.contributes.debuggers[0]!.configurationAttributes.launch, launchSchema());
  });

  it('need no more than a recording', () => {
    assert.deepEqual(parseLaunchArguments({ recording: 'r.afterimage', type: 'afterimage', request: 'launch' }), {
      recording: 'r.afterimage',
      stopAt: 'crash',
      gdb: 'gdb',
    });
  });

  for (const [wrong, message] of [
    [{}, /"recording" is not right/],
    [{ recording: '' }, /"recording" is not right/],
    [{ recording: 'r', stopAt: -1 }, /"stopAt" is not right/],
    [{ recording: 'r', reactor: 1.5 }, /"reactor" is not right/],
    [{ recording: 'r', gdb: 12 }, /"gdb" is not right/],
    [undefined, /"recording" is not right/],
    ['text', /In the launch configuration/],
  ] as const) {
    it(`${JSON.stringify(wrong)} is refused with a reason`, () => assert.throws(() => parseLaunchArguments(wrong), message));
  }
});
