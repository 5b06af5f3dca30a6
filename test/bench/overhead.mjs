// What recording costs the program: flight-board over its first events, with and without Afterimage.
//
//   overhead.event_ns      what one event costs more: append, done, fingerprint, scope, heap, caches
//   overhead.flightboard   events a second, recorded / not recorded; snapshots come with every 32 MiB of log
//
// The same executable both times; --no-record gives the reactor no heap of its own and no log. The events are fewer than the first
// one that damages memory, so both runs end in good order. The figure of a run is the program's own: events a second.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const program = path.join(root, 'build/recorder/fixtures/flight-board/flight-board');
const data = path.join(root, 'build/data/flights-3m.bin');
const events = 500_000;
let directory;

export const title = `recording overhead: flight-board, ${events.toLocaleString('en')} events`;
export const rounds = 7;

export function setUp() {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-bench-'));
}

export function tearDown() {
  fs.rmSync(directory, { recursive: true, force: true });
}

export function round() {
  const plain = secondsPerMillion(['--no-record']);
  const recorded = secondsPerMillion(['--directory', directory]);
  const bytes = recordingBytes();
  fs.rmSync(directory, { recursive: true });
  return [
    { id: 'overhead.plain_ns', value: plain * 1000, unit: 'ns/event' },
    { id: 'overhead.recorded_ns', value: recorded * 1000, unit: 'ns/event' },
    { id: 'overhead.event_ns', value: (recorded - plain) * 1000, unit: 'ns/event' },
    { id: 'overhead.flightboard', value: plain / recorded, unit: 'of_plain' },
    { id: 'overhead.recording', value: bytes / events, unit: 'bytes/event' },
  ];
}

/** One run; the program reports "N events, X million events/s" at its end. */
function secondsPerMillion(options) {
  const { status, signal, stderr } = spawnSync(program, [data, '--limit', String(events), ...options], { encoding: 'utf8' });
  const rate = Number(/([\d.]+) million events\/s/.exec(stderr)?.[1]);
  if (status !== 0 || !(rate > 0)) throw new Error(`${program} ended with ${signal ?? status} and said:\n${stderr}`);
  return 1 / rate;
}

function recordingBytes() {
  const files = fs.readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).blocks * 512, 0);
}
