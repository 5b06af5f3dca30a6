// What can be looked at where the session stands: threads, stacks, values, memory, code. Nothing here changes anything.
// What changes the program (setVariable, writeMemory) is not offered: then it would not be what was recorded.

import type { DebugProtocol as P } from '@vscode/debugprotocol';
import * as mi from '../gdb/commands';
import { UserError } from '../recording';
import { AnsweringSession } from './answering';
import { breakpointLocations, disassembled, moduleOf } from './code';
import { completionsOf } from './completions';
import { consoleCommand } from './expressions';
import { currentEvent, endOfCore, type Launched, threadsOf } from './launched';
import { boundaryFrame, frameAt, FRAMES_SHOWN, stackFrame, visibleFrames } from './stack';
import { coreExceptionInfo, exceptionInfo, THREAD_ID } from './stopped';
import { boundaryName } from './text';

export abstract class LookingSession extends AnsweringSession {
  protected override threadsRequest(response: P.ThreadsResponse): void {
    this.answer(response, async (launched) => ({ threads: threadsOf(launched) }));
  }

  protected override stackTraceRequest(
    response: P.StackTraceResponse,
    { threadId, startFrame: start = 0, levels }: P.StackTraceArguments,
  ): void {
    this.answer(response, async (launched) => {
      while (this.isMoving) await this.settled; // the client asks about a stop that the user has left already: what it wants to show is the next one
      if (launched.kind === 'replay' && !launched.replay.inReact) {
        const { position, end } = launched.replay;
        return { stackFrames: [boundaryFrame(boundaryName(position, end))], totalFrames: 1 };
      }
      const thread = launched.kind === 'core' ? threadId : undefined;
      const frames = await this.stackOf(launched, thread);
      const wanted = frames.slice(start, start + (levels || FRAMES_SHOWN));
      return { stackFrames: wanted.map((frame) => stackFrame(frame, thread)), totalFrames: frames.length };
    });
  }

  private async stackOf({ gdb }: Launched, thread: number | undefined): Promise<readonly mi.Frame[]> {
    const { moves } = this;
    const key = thread ?? THREAD_ID;
    const frames = this.stacks.get(key) ?? visibleFrames(await mi.stackFrames(gdb, 0, FRAMES_SHOWN - 1, thread));
    if (moves === this.moves) this.stacks.set(key, frames); // else a move has begun meanwhile, and these are of the stop before it
    return frames;
  }

  protected override scopesRequest(response: P.ScopesResponse, { frameId }: P.ScopesArguments): void {
    this.answer(response, async (launched) => ({ scopes: launched.variables.scopes(frameAt(frameId), currentEvent(launched)) }));
  }

  protected override variablesRequest(response: P.VariablesResponse, args: P.VariablesArguments): void {
    this.answer(response, async ({ variables }) => ({ variables: await variables.list(args) }));
  }

  protected override evaluateRequest(response: P.EvaluateResponse, args: P.EvaluateArguments): void {
    this.answer(response, async ({ gdb, variables }) => {
      const command = args.context === 'repl' ? consoleCommand(args.expression) : undefined;
      const frame = frameAt(args.frameId);
      if (command !== undefined) return { result: (await mi.look(gdb, frame, command)).trimEnd(), variablesReference: 0 };
      return variables.evaluate(frame, args.expression, args.format?.hex === true);
    });
  }

  protected override exceptionInfoRequest(response: P.ExceptionInfoResponse): void {
    this.answer(response, async (launched) => {
      const stop = launched.kind === 'core' ? endOfCore(launched) : launched.replay.lastStop;
      if (stop.kind !== 'crash') throw new UserError('no-crash', 'This is not a crash.');
      if (launched.kind === 'core') return coreExceptionInfo(stop.crash, launched.reactor);
      return exceptionInfo(stop.crash, launched.recording, launched.reactor);
    });
  }

  protected override readMemoryRequest(response: P.ReadMemoryResponse, { memoryReference, offset, count }: P.ReadMemoryArguments): void {
    this.answer(response, async ({ gdb }) => {
      const address = BigInt.asUintN(64, BigInt(memoryReference) + BigInt(offset ?? 0));
      const bytes = await mi.readMemory(gdb, address, count).catch(() => Buffer.alloc(0));
      return { address: mi.hex(address), unreadableBytes: count - bytes.length, data: bytes.toString('base64') };
    });
  }

  // ---- code

  protected override disassembleRequest(response: P.DisassembleResponse, args: P.DisassembleArguments): void {
    this.answer(response, async ({ gdb }) => ({ instructions: await disassembled(gdb, args) }));
  }

  protected override breakpointLocationsRequest(response: P.BreakpointLocationsResponse, args: P.BreakpointLocationsArguments): void {
    this.answer(response, async ({ gdb }) => ({ breakpoints: await breakpointLocations(gdb, args) }));
  }

  protected override completionsRequest(response: P.CompletionsResponse, args: P.CompletionsArguments): void {
    this.answer(response, async ({ gdb }) => ({ targets: await completionsOf(gdb, frameAt(args.frameId), args) }));
  }

  /** The library knows of no such request. */
  protected modulesRequest(response: P.ModulesResponse, { startModule = 0, moduleCount }: P.ModulesArguments = {}): void {
    this.answer(response, async ({ recording }) => {
      const modules = recording.manifest.modules.map(moduleOf);
      return { modules: modules.slice(startModule, startModule + (moduleCount || modules.length)), totalModules: modules.length };
    });
  }
}
