// How fast a recording is replayed, and how fast questions to it are answered: flight-board up to its crash.
//
//   replay.speed      events a second replayed, with no question, against those recorded; above 1 the replay is faster
//   replay.open_ms    from the start of the launcher until the replayer stands at the first snapshot
//   replay.find_eps   events a second with an expression evaluated after each      replay.watch_eps   with a piece of memory watched
//
// A question's seconds are those of its replay alone: the process has been started and has said that it is ready.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const { openRecording } = require(path.join(root, 'out/debug-adapter/recording'));
const { Replayer } = require(path.join(root, 'out/debug-adapter/replay/replayer'));
const { compileExpression } = require(path.join(root, 'out/debug-adapter/gdb/compile-expression'));

const program = path.join(root, 'build/recorder/fixtures/flight-board/flight-board');
const data = path.join(root, 'build/data/flights-3m.bin');
const events = 500_000; // before the first that does damage
const never = 'flight.delay_minutes < -90 && flights_ > 0';
let directory, recording, code;

export const title = `replay: flight-board, ${events.toLocaleString('en')} events`;
export const rounds = 5;

export async function setUp() {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-bench-'));
  recordEvents();
  recording = openRecording(path.join(directory, fs.readdirSync(directory)[0]));
  const compiled = await compileExpression({ gdb: 'gdb', program, reactor: 'FlightBoard', events: ['Flight'], expression: never });
  if (!('code' in compiled)) throw new Error(`gdb could not compile "${never}": ${compiled.problem}`);
  code = compiled.code.toString('hex');
}

export function tearDown() {
  recording?.close();
  fs.rmSync(directory, { recursive: true, force: true });
}

export async function round() {
  const recordedEps = recordEvents(fs.mkdtempSync(path.join(directory, 'again-')));
  const address = recording.reactor('board').object;
  const { openMs, eps: replayedEps } = await ask((replayer) => replayer.run(events));
  const { eps: findEps } = await ask((replayer) => answerOf(replayer, `find ${code} 0 ${events} 0`));
  const { eps: watchEps } = await ask((replayer) => replayer.lastWrite(address, 8, events));
  return [
    { id: 'replay.speed', value: replayedEps / recordedEps, unit: 'x' },
    { id: 'replay.open_ms', value: openMs, unit: 'ms' },
    { id: 'replay.find_eps', value: Math.round(findEps), unit: 'events/s' },
    { id: 'replay.watch_eps', value: Math.round(watchEps), unit: 'events/s' },
  ];
}

/** Events a second, as the program says at its end. */
function recordEvents(into = directory) {
  const { status, signal, stderr } = spawnSync(program, [data, '--limit', String(events), '--directory', into], { encoding: 'utf8' });
  const rate = Number(/([\d.]+) million events\/s/.exec(stderr)?.[1]);
  if (status !== 0 || !(rate > 0)) throw new Error(`${program} ended with ${signal ?? status} and said:\n${stderr}`);
  if (into !== directory) fs.rmSync(into, { recursive: true });
  return rate * 1e6;
}

async function ask(question) {
  const started = performance.now();
  const replayer = Replayer.start(recording, { reactor: 0, program });
  try {
    await replayer.ready();
    const ready = performance.now();
    await question(replayer);
    return { openMs: ready - started, eps: events / ((performance.now() - ready) / 1000) };
  } finally {
    await replayer.quit();
  }
}

async function answerOf(replayer, command) {
  for await (const report of replayer.query(command)) if (report.event !== 'answer') throw new Error(`unexpected ${report.event}`);
}
