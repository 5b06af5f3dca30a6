// How fast a recording is replayed, how fast questions to it are answered, and how long one waits to stand somewhere else.
//
// flight-board, up to its crash:
//   replay.speed        events a second replayed, with no question, against those recorded; above 1 the replay is faster
//   replay.find_eps     events a second with an expression evaluated after each      replay.watch_eps   with a piece of memory watched
// A question's seconds are those of its replay alone: the process has been started and has said that it is ready.
//
// support/accounts.cc, with 100 MB of state:
//   replay.open_ms      from the start of the launcher until the replayer stands before the last event
//   replay.open_gdb_ms  from the start of gdb until it shows the first line of that event's react()
//   replay.seek_ms      from one random event to another: the median and the ninetieth percentile of 60, of a replayer that has been at
//                       the end once, as in a session that begins at a crash. Here the recording has one snapshot, before the first event
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import * as accounts from './support/accounts.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const { openRecording } = require(path.join(root, 'out/debug-adapter/recording'));
const { Replayer } = require(path.join(root, 'out/debug-adapter/replay/replayer'));
const { ReplaySession } = require(path.join(root, 'out/debug-adapter/replay/replay-session'));
const { compileExpression } = require(path.join(root, 'out/debug-adapter/gdb/compile-expression'));

const program = path.join(root, 'build/recorder/fixtures/flight-board/flight-board');
const data = path.join(root, 'build/data/flights-3m.bin');
const events = 500_000; // before the first that does damage
const never = 'flight.delay_minutes < -90 && flights_ > 0';
const seeks = 60;
const lastSnapshot = 832_000; // half an interval of 32 MiB of log before the end: so far is it on the average
let directory, recording, code, bank, bankProgram, seeker;

export const title = `replay: flight-board, ${events.toLocaleString('en')} events; accounts, ${accounts.events.toLocaleString('en')} events`;
export const rounds = 5;

export async function setUp() {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-bench-'));
  recordEvents();
  recording = openRecording(path.join(directory, fs.readdirSync(directory)[0]));
  const compiled = await compileExpression({ gdb: 'gdb', program, reactor: 'FlightBoard', events: ['Flight'], expression: never });
  if (!('code' in compiled)) throw new Error(`gdb could not compile "${never}": ${compiled.problem}`);
  code = compiled.code.toString('hex');
  await setUpAccounts();
}

async function setUpAccounts() {
  const folder = path.join(directory, 'accounts');
  fs.mkdirSync(folder);
  bankProgram = accounts.buildAccounts(folder);
  bank = openRecording(accounts.recordAccounts(bankProgram, lastSnapshot));
  const sparse = openRecording(accounts.recordAccounts(bankProgram, accounts.events));
  seeker = Replayer.start(sparse, { reactor: 0, program: bankProgram });
  sparse.close();
  await seeker.ready();
  await seek(seeker, accounts.events);
}

export async function tearDown() {
  await seeker?.quit();
  bank?.close();
  recording?.close();
  fs.rmSync(directory, { recursive: true, force: true });
}

export async function round() {
  const recordedEps = recordEvents(fs.mkdtempSync(path.join(directory, 'again-')));
  const address = recording.reactor('board').object;
  const replayedEps = await ask((replayer) => replayer.run(events));
  const findEps = await ask((replayer) => answerOf(replayer, `find ${code} 0 ${events} 0`));
  const watchEps = await ask((replayer) => replayer.lastWrite(address, 8, events));
  return [
    { id: 'replay.speed', value: replayedEps / recordedEps, unit: 'x' },
    { id: 'replay.find_eps', value: Math.round(findEps), unit: 'events/s' },
    { id: 'replay.watch_eps', value: Math.round(watchEps), unit: 'events/s' },
    { id: 'replay.open_ms', value: await openMs(), unit: 'ms' },
    { id: 'replay.open_gdb_ms', value: await openWithGdbMs(), unit: 'ms' },
    ...(await seekRows()),
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

/** Events a second of a question. */
async function ask(question) {
  const replayer = Replayer.start(recording, { reactor: 0, program });
  try {
    await replayer.ready();
    const ready = performance.now();
    await question(replayer);
    return events / ((performance.now() - ready) / 1000);
  } finally {
    await replayer.quit();
  }
}

async function openMs() {
  const started = performance.now();
  const replayer = Replayer.start(bank, { reactor: 0, program: bankProgram });
  try {
    await replayer.ready();
    await seek(replayer, accounts.events - 1);
    return performance.now() - started;
  } finally {
    await replayer.quit();
  }
}

async function openWithGdbMs() {
  const started = performance.now();
  const options = { recording: bank, reactor: bank.reactor('bank'), program: bankProgram, gdb: 'gdb', onOutput: () => undefined };
  const session = await ReplaySession.open(options);
  try {
    const { kind } = await session.goTo(accounts.events - 1);
    if (kind !== 'entry') throw new Error(`gdb stopped at "${kind}"`);
    return performance.now() - started;
  } finally {
    await session.close();
  }
}

async function seekRows() {
  const times = [];
  for (let i = 0; i < seeks; i++) times.push(await seek(seeker, Math.floor(Math.random() * accounts.events)));
  times.sort((a, b) => a - b);
  return [
    { id: 'replay.seek_ms', value: times[seeks / 2], unit: 'ms' },
    { id: 'replay.seek_p90_ms', value: times[seeks * 0.9], unit: 'ms' },
  ];
}

/** Milliseconds from the command to the report. */
async function seek(replayer, position) {
  const begun = performance.now();
  const stopped = await replayer.seek(position);
  if (stopped.event !== 'stopped' || stopped.position !== position) throw new Error(`seek to ${position}: ${JSON.stringify(stopped)}`);
  return performance.now() - begun;
}

async function answerOf(replayer, command) {
  for await (const report of replayer.query(command)) if (report.event !== 'answer') throw new Error(`unexpected ${report.event}`);
}
