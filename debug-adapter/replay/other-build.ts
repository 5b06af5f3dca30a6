// A replayer that is another build of the recorded program (ARCHITECTURE.md, Tests). Its modules may be anywhere: it constructs the reactor
// itself, instead of getting its memory back, so nothing has to be launched at recorded addresses.

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { BoundedFile, isDynamicProgram, type ReactorInfo, readBuildId, type Recording } from '../recording';
import { noSuchProgram, notAnExecutable, notLinkedWithUs, stillRecording } from './errors';
import { genesisPlan } from './plan';
import { Replayer } from './replayer';

export interface OtherBuildOptions {
  readonly reactor: ReactorInfo;
  readonly program: string;
  readonly onOutput?: (text: string) => void;
}

const PLAN_DESCRIPTOR = 5;

export function startOtherBuild(recording: Recording, { reactor, program, onOutput }: OtherBuildOptions): Replayer {
  if (recording.state === 'live') throw stillRecording(recording.manifest.pid);
  checkProgram(program);
  const nonce = randomBytes(16).toString('hex');
  const plan = unnamedFile(genesisPlan(recording, reactor, nonce));
  try {
    const child = spawn(path.resolve(program), recording.manifest.commandLine.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', plan],
      env: { ...process.env, AFTERIMAGE_REPLAY: `${PLAN_DESCRIPTOR}:${nonce}` },
    });
    return Replayer.of(child, onOutput);
  } finally {
    fs.closeSync(plan);
  }
}

/** A program that our library is not a part of would not replay, but do what it does. */
function checkProgram(program: string): void {
  const found = fs.statSync(program, { throwIfNoEntry: false });
  if (found?.isFile() !== true) throw noSuchProgram(program);
  if (readBuildId(program) === null) throw notAnExecutable(program);
  const isDynamic = BoundedFile.with(program, isDynamicProgram);
  if (!isDynamic || !/\blibafterimage\.so/.test(librariesOf(program))) throw notLinkedWithUs(program);
}

/** As ldd finds them: the dynamic linker lists them instead of running the program. */
function librariesOf(program: string): string {
  try {
    const env = { ...process.env, LD_TRACE_LOADED_OBJECTS: '1' };
    return execFileSync(path.resolve(program), { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    throw notAnExecutable(program);
  }
}

function unnamedFile(text: string): number {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-plan-'));
  try {
    fs.writeFileSync(`${directory}/plan`, text);
    return fs.openSync(`${directory}/plan`, 'r');
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
