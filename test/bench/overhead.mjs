// What recording costs the program, with and without Afterimage: flight-board over its first events, at full speed; and a server
// (support/kv-server.mjs).
//
//   overhead.event_ns      what one event costs more: append, done, fingerprint, scope, heap, caches
//   overhead.flightboard   events a second, recorded / not recorded
//   overhead.flightboard.snapshots   how many a run has. They come with every 32 MiB of log: at this speed that is several a second,
//                          where one every 5 s would be none in most runs, which are as short as the bug in the program allows
//   overhead.flightboard.together   the same by the hundred (Reactor::deliver_all)
//
// The same executable each time; --no-record gives the reactor no heap of its own and no log. The events are fewer than the first
// one that damages memory, so all runs end in good order. The figure of a run is the program's own: events a second.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KvServers } from './support/kv-server.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const program = path.join(root, 'build/recorder/fixtures/flight-board/flight-board');
const data = path.join(root, 'build/data/flights-3m.bin');
const events = 500_000;
let directory;
let servers;

export const title = `recording overhead: flight-board, ${events.toLocaleString('en')} events, and kv-server under redis-benchmark`;
export const rounds = 7;

export async function setUp() {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-bench-'));
}

export async function tearDown() {
  await servers?.stop();
  fs.rmSync(directory, { recursive: true, force: true });
}

// Not in turns: after what the servers do to the page cache, flight-board's log gets memory that is slow (takeMemoryBack).
export const parts = [flightBoard, kvServers];

async function kvServers() {
  servers ??= await KvServers.start(path.join(directory, 'kv-server'));
  takeMemoryBack();
  return servers.round();
}

function flightBoard() {
  const recordings = path.join(directory, 'flight-board');
  const plain = secondsPerMillion(['--no-record']);
  const { seconds: recorded, bytes, snapshots } = recordedRun(recordings, []);
  const { seconds: together } = recordedRun(recordings, ['--together']);
  return [
    { id: 'overhead.plain_ns', value: plain * 1000, unit: 'ns/event' },
    { id: 'overhead.recorded_ns', value: recorded * 1000, unit: 'ns/event' },
    { id: 'overhead.event_ns', value: (recorded - plain) * 1000, unit: 'ns/event' },
    { id: 'overhead.flightboard', value: plain / recorded, unit: 'of_plain' },
    { id: 'overhead.flightboard.snapshots', value: snapshots, unit: 'per_run' },
    { id: 'overhead.flightboard.run', value: (recorded * events) / 1e6, unit: 's' },
    { id: 'overhead.flightboard.together', value: plain / together, unit: 'of_plain' },
    { id: 'overhead.recording', value: bytes / events, unit: 'bytes/event' },
  ];
}

function recordedRun(recordings, options) {
  takeMemoryBack();
  const seconds = secondsPerMillion(['--directory', recordings, ...options]);
  const bytes = bytesIn(recordings);
  const snapshots = filesIn(recordings).filter((file) => file.includes('/snap-')).length;
  fs.rmSync(recordings, { recursive: true });
  return { seconds, bytes, snapshots };
}

/**
 * A virtual machine gives free memory back to its host, and a page of the page cache that must come from there costs 10 us instead of 1: as
 * fast as logs are written here, that would be the figure. What was just written and removed is still here.
 */
function takeMemoryBack() {
  const file = path.join(directory, 'memory');
  fs.writeFileSync(file, Buffer.alloc(events * 250));
  fs.rmSync(file);
}

/** One run; the program reports "N events, X million events/s" at its end. */
function secondsPerMillion(options) {
  const { status, signal, stderr } = spawnSync(program, [data, '--limit', String(events), ...options], { encoding: 'utf8' });
  const rate = Number(/([\d.]+) million events\/s/.exec(stderr)?.[1]);
  if (status !== 0 || !(rate > 0)) throw new Error(`${program} ended with ${signal ?? status} and said:\n${stderr}`);
  return 1 / rate;
}

function filesIn(directory) {
  const entries = fs.readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

function bytesIn(directory) {
  return filesIn(directory).reduce((sum, file) => sum + fs.statSync(file).blocks * 512, 0);
}
