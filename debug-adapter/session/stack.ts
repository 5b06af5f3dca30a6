// The stack as the user should see it: their frames, not ours.

import { Source, StackFrame } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Frame, hex } from '../gdb/commands';
import { isInfrastructure } from '../replay/stops';

/** The frame that stands for "between two events"; it has no level in gdb. */
export const BOUNDARY_FRAME_ID = 1_000_000;
/** How deep a stack is shown: an endless recursion has a hundred thousand frames. */
export const FRAMES_SHOWN = 1000;

export const frameIdOf = (level: number): number => level + 1;
/** -1: no frame in particular. */
export const levelOf = (frameId: number | undefined): number => (frameId === undefined || frameId === BOUNDARY_FRAME_ID ? -1 : frameId - 1);

/** Frames, innermost first, without what called react(). Only ours: then all of them, there is nothing else to show. */
export function visibleFrames(frames: readonly Frame[]): readonly Frame[] {
  const last = frames.findLastIndex((frame) => !isInfrastructure(frame));
  return last < 0 ? frames : frames.slice(0, last + 1);
}

export function stackFrame(frame: Frame): DebugProtocol.StackFrame {
  const source = sourceOf(frame);
  const name =
    frame.function ?? (frame.library === undefined ? hex(frame.address) : `${hex(frame.address)} in ${path.basename(frame.library)}`);
  return {
    ...new StackFrame(frameIdOf(frame.level), name, source, source === undefined ? 0 : frame.line, 0),
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
