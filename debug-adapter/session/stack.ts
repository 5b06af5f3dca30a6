// The stack as the user should see it: their frames, not ours.

import { Source, StackFrame } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Frame, type FrameAt, hex } from '../gdb/commands';
import { isInfrastructure } from '../replay/stops';

/** The frame that stands for "between two events"; it has no level in gdb. */
export const BOUNDARY_FRAME_ID = 2_000_000_000;
/** How deep a stack is shown: an endless recursion has a hundred thousand frames. */
export const FRAMES_SHOWN = 1000;

/** `thread` is one of several; undefined for the only one. */
const frameIdOf = (level: number, thread = 0): number => thread * FRAMES_SHOWN + level + 1;

/** -1: no frame in particular. */
export function frameAt(frameId: number | undefined): FrameAt {
  if (frameId === undefined || frameId === BOUNDARY_FRAME_ID) return -1;
  const [thread, level] = [Math.floor((frameId - 1) / FRAMES_SHOWN), (frameId - 1) % FRAMES_SHOWN];
  return thread === 0 ? level : { thread, level };
}

/** Frames, innermost first, without what called react(). Only ours: then all of them, there is nothing else to show. */
export function visibleFrames(frames: readonly Frame[]): readonly Frame[] {
  const last = frames.findLastIndex((frame) => !isInfrastructure(frame));
  return last < 0 ? frames : frames.slice(0, last + 1);
}

export function stackFrame(frame: Frame, thread?: number): DebugProtocol.StackFrame {
  const source = sourceOf(frame);
  const name =
    frame.function ?? (frame.library === undefined ? hex(frame.address) : `${hex(frame.address)} in ${path.basename(frame.library)}`);
  return {
    ...new StackFrame(frameIdOf(frame.level, thread), name, source, source === undefined ? 0 : frame.line, 0),
    instructionPointerReference: hex(frame.address),
    presentationHint: source === undefined || isInfrastructure(frame) ? 'subtle' : 'normal',
  };
}

export const boundaryFrame = (name: string): DebugProtocol.StackFrame => ({
  ...new StackFrame(BOUNDARY_FRAME_ID, name),
  line: 0,
  column: 0,
});

/** Sources that are not on this machine would open an empty editor. */
function sourceOf({ fullName }: Frame): Source | undefined {
  return fullName !== undefined && fs.existsSync(fullName) ? new Source(path.basename(fullName), fullName) : undefined;
}
