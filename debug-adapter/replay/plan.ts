// The plan: what afterimage-launch and the replayer need to know (PROTOCOL.md). One item a line, path last.

import { type Module, type ReactorInfo, type Recording } from '../recording';
import { plannedPath } from './modules';

export interface PlanOptions {
  readonly reactor: number;
  /** The executable on this machine. */
  readonly program: string;
  /** Whether the replayer waits for a debugger before its first event. */
  readonly waitDebugger?: boolean;
}

export function plan(recording: Recording, options: PlanOptions): string {
  const { manifest } = recording;
  const lines = [
    'afterimage-plan 1',
    `recording ${recording.directory}`,
    `reactor ${options.reactor}`,
    `wait-debugger ${options.waitDebugger === true ? 1 : 0}`,
    ...manifest.modules.flatMap((module) => moduleLines(module, module.kind === 'exe' ? options.program : plannedPath(recording, module))),
    `at-random ${manifest.atRandom}`,
    `fs ${manifest.fsBase.toString(16)}`,
    `brk ${manifest.brkStart.toString(16)}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** For another build of the program: the reactor is constructed anew, in a heap like the one it had, at the same place. Nobody needs to be launched. */
export function genesisPlan(recording: Recording, reactor: ReactorInfo, nonce: string): string {
  const lines = [
    'afterimage-plan 1',
    `recording ${recording.directory}`,
    `reactor ${reactor.id}`,
    `genesis ${reactor.heapBase.toString(16)} ${reactor.heapBytes.toString(16)} ${reactor.type}`,
    ...(reactor.heapSettings === undefined ? [] : [`heap ${reactor.heapSettings}`]),
    `nonce ${nonce}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The program asks for a library by the path that it had. */
function moduleLines(module: Module, path: string): string[] {
  const buildId = module.buildId === '' ? '-' : module.buildId;
  const line = `module ${module.kind} ${module.base.toString(16)} ${module.bytes.toString(16)} ${buildId} ${path}`;
  return module.kind === 'lib' && path !== module.path ? [line, `known-as ${buildId} ${module.path}`] : [line];
}
