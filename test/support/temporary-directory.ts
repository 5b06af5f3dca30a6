// A directory for the tests of one `describe`, gone behind them.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Call it inside `describe`; `path` is there when the tests run. */
export function temporaryDirectory(): { readonly path: string } {
  const directory = { path: '' };
  before(() => {
    directory.path = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-test-')));
  });
  after(() => fs.rmSync(directory.path, { recursive: true, force: true }));
  return directory;
}
