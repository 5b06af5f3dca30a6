// A second DAP client that nobody wrote for us: Emacs with dap-mode, both from Debian, without a screen.
import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/fixture-programs';
import { flightBoardSource, lineOf, recordFlightBoard } from './support/flight-recording';

const run = promisify(execFile);

describe('Emacs dap-mode', function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-emacs-'));
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('launches on a recording, stops in react() of the crashing event, steps, and goes to the event before', async () => {
    const recording = await recordFlightBoard(folder);
    const script = path.join(root, 'test/end-to-end/emacs-dap-mode.el');
    const env = { ...process.env, HOME: folder, AFTERIMAGE_RECORDING: recording, AFTERIMAGE_NODE: process.execPath };
    const { stdout } = await run('emacs', ['--batch', '--no-init-file', '--load', script], { cwd: root, env });

    const stops = stdout.split('\n').filter((line) => line.startsWith('stopped: '));
    const [atCrash, afterStep, before] = stops;
    const first = lineOf(flightBoardSource, '++flights_;');
    assert.match(atCrash ?? '', new RegExp(`FlightBoard::react.* flight_board\\.cc:${first}$`), stdout);
    assert.match(afterStep ?? '', new RegExp(`FlightBoard::react.* flight_board\\.cc:${first + 1}$`), stdout);
    assert.match(before ?? '', new RegExp(`FlightBoard::react.* flight_board\\.cc:${first}$`), stdout);
    assert.equal(stops.length, 3, stdout);
  });
});
