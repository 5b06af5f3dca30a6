// The debug session that a client sees: DAP requests in, the replay moved, stops out. Every request is a few lines; what
// there is to know is in the files beside this one.
//
//     launch             opens recording, replayer and gdb; standing at the first position, asks for breakpoints
//     configurationDone  goes to where the session begins, and reports the first stop
//
// Nothing follows the end of the recording, and nothing follows a crash: moves forward end where they began, with the same
// stop again, so that every client, and its user, finds itself somewhere.

import {
  CapabilitiesEvent,
  ContinuedEvent,
  Event,
  InitializedEvent,
  LoggingDebugSession,
  OutputEvent,
  TerminatedEvent,
} from '@vscode/debugadapter';
import type { DebugProtocol as P } from '@vscode/debugprotocol';
import * as mi from '../gdb/commands';
import { GdbFailure, isRefusal } from '../gdb/gdb';
import { miString, miTuple } from '../gdb/mi-parser';
import { isPackedFile, unpackToCache } from '../pack';
import { openRecording, type ReactorInfo, type Recording, UserError } from '../recording';
import { CoreSession } from '../replay/core-session';
import { findProgram } from '../replay/find-program';
import { ReplaySession } from '../replay/replay-session';
import { type Stop } from '../replay/stops';
import { Breakpoints } from './breakpoints';
import { capabilities } from './capabilities';
import { consoleCommand, explained } from './expressions';
import { type LaunchArguments, parseLaunchArguments } from './launch-arguments';
import {
  beginning, chosenReactor, crashEventOf, currentEvent, endOfCore, type Inspecting, type Launched, neighbour, onlyInspected,
  questionsOf, reactorOfCore, type Replaying, standsStill, threadsOf,
} from './launched'; // prettier-ignore
import { boundaryFrame, frameAt, FRAMES_SHOWN, stackFrame, visibleFrames } from './stack';
import { LastWriteArguments, Questions, SearchArguments } from './questions';
import { coreExceptionInfo, coreStoppedBody, exceptionInfo, stoppedBody, THREAD_ID, type Wish } from './stopped';
import { boundaryName, counted } from './text';
import { checked, EventsArguments, eventRows, reachable, SeekArguments, timeline } from './timeline';
import { Variables } from './variables';

export class AfterimageSession extends LoggingDebugSession {
  private opening: Promise<Launched> | undefined;
  private launched: Launched | undefined;
  private closing: Promise<void> | undefined;
  /** The stacks of the present stop, each read once; by thread. */
  private readonly stacks = new Map<number, readonly mi.Frame[]>();
  /** How many moves were begun. */
  private moves = 0;
  private showsProgress = false;
  /** Resolves when the present move, if there is one, has ended. */
  private settled: Promise<unknown> = Promise.resolve();

  constructor() {
    super();
    this.setDebuggerLinesStartAt1(true);
    this.setDebuggerColumnsStartAt1(true);
  }

  // ---- beginning and end

  protected override initializeRequest(response: P.InitializeResponse, args: P.InitializeRequestArguments): void {
    this.showsProgress = args.supportsProgressReporting === true;
    response.body = capabilities;
    this.sendResponse(response);
  }

  protected override launchRequest(response: P.LaunchResponse, args: P.LaunchRequestArguments): void {
    this.answer(response, async () => {
      this.opening = this.open(parseLaunchArguments(args));
      this.launched = await this.opening;
      this.sendEvent(new InitializedEvent());
    });
  }

  protected override configurationDoneRequest(response: P.ConfigurationDoneResponse): void {
    if (this.launched?.kind === 'core') return this.showEnd(response, this.launched);
    this.move(response, 'entry', (launched) => launched.replay.goTo(beginning(launched)));
  }

  protected override terminateRequest(response: P.TerminateResponse): void {
    this.answer(response, async () => {
      await this.close();
      this.sendEvent(new TerminatedEvent());
    });
  }

  protected override disconnectRequest(response: P.DisconnectResponse): void {
    this.answer(response, async () => {
      await this.close();
      setImmediate(() => super.shutdown());
    });
  }

  /** The client is gone. */
  override shutdown(): void {
    void this.close().finally(() => super.shutdown());
  }

  /** Ends every process that was started. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      const launched = await this.opening?.catch(() => undefined);
      if (launched?.kind === 'replay') launched.questions.close();
      await (launched?.kind === 'core' ? launched.core : launched?.replay)?.close();
      launched?.recording.close();
    })();
    return this.closing;
  }

  private async open(args: LaunchArguments): Promise<Launched> {
    const recording = openRecording(this.bundleOf(args.recording));
    try {
      for (const problem of recording.problems) this.say(problem, 'console');
      return onlyInspected(recording) === undefined ? await this.openReplay(args, recording) : await this.openCore(args, recording);
    } catch (error) {
      recording.close();
      throw error;
    }
  }

  private async openReplay(args: LaunchArguments, recording: Recording): Promise<Replaying> {
    const reactor = chosenReactor(recording, args.reactor);
    const program = findProgram(recording, args.program);
    const replay = await ReplaySession.open({ recording, reactor, program, gdb: args.gdb, onOutput: (text) => this.print(text) });
    const tell = (event: P.Event) => (this.showsProgress ? this.sendEvent(event) : undefined);
    const questions = new Questions({ recording, reactor, program, gdb: args.gdb, tell });
    return { kind: 'replay', args, recording, reactor, replay, questions, ...this.attended(replay, reactor) };
  }

  private async openCore(args: LaunchArguments, recording: Recording): Promise<Inspecting> {
    const imported = onlyInspected(recording)!;
    const reactor = reactorOfCore(recording, args.reactor);
    const program = this.programOfCore(args, recording);
    const core = await CoreSession.open({ recording, imported, program, gdb: args.gdb });
    core.gdb.on('died', (failure) => this.end(failure));
    for (const sentence of imported.sentences) this.say(sentence, 'console');
    this.sendEvent(new CapabilitiesEvent({ supportsStepBack: false }));
    const variables = new Variables(core.gdb, reactor, () => ({ object: reactor?.object ?? 0n, payload: undefined }));
    return { kind: 'core', args, recording, reactor, imported, core, gdb: core.gdb, variables };
  }

  /** Without it there are still threads, registers and addresses. */
  private programOfCore({ program }: LaunchArguments, recording: Recording): string | undefined {
    try {
      return findProgram(recording, program);
    } catch (error) {
      if (program !== undefined || !(error instanceof UserError)) throw error;
      this.say(error.message, 'important');
      return undefined;
    }
  }

  /** A packed recording is unpacked first, once. */
  private bundleOf(given: string): string {
    return isPackedFile(given) ? unpackToCache(given, (directory) => this.say(`Unpacking into ${directory}, once.`, 'console')) : given;
  }

  private attended(replay: ReplaySession, reactor: ReactorInfo): Pick<Replaying, 'gdb' | 'breakpoints' | 'variables'> {
    const breakpoints = new Breakpoints(replay.gdb, (numbers) => replay.setUserBreakpoints(numbers));
    replay.on('log', (text) => this.say(text, 'stdout'));
    replay.on('notice', (text) => this.say(text, 'important'));
    replay.on('died', (failure) => this.end(failure));
    replay.on('divergence', ({ eventNumber, kind, call, recorded, replayed, cause }) =>
      this.say(
        `The replay differs from the recording since event ${counted(eventNumber)} (${call === '' ? kind : `${kind} of ${call}`}: recorded ${recorded}, replayed ${replayed}). ${cause} ` +
          'What follows may not be what happened.',
        'important',
      ),
    );
    replay.on('notify', (name, results) => {
      const number = name === 'breakpoint-modified' ? miString(miTuple(results, 'bkpt') ?? {}, 'number') : undefined;
      if (number !== undefined) void breakpoints.moved(number).then((breakpoint) => this.breakpointMoved(breakpoint), ignore);
    });
    return { gdb: replay.gdb, breakpoints, variables: new Variables(replay.gdb, reactor, () => replay.addresses) };
  }

  private breakpointMoved(breakpoint: P.Breakpoint | undefined): void {
    if (breakpoint !== undefined) this.sendEvent(new Event('breakpoint', { reason: 'changed', breakpoint }));
  }

  private end(failure: Error): void {
    if (this.closing !== undefined) return;
    this.say(failure.message, 'important');
    void this.close().finally(() => this.sendEvent(new TerminatedEvent()));
  }

  // ---- breakpoints

  protected override setBreakPointsRequest(response: P.SetBreakpointsResponse, args: P.SetBreakpointsArguments): void {
    this.answer(response, async (launched) => {
      const { source, breakpoints = [] } = args;
      if (launched.kind === 'core') return { breakpoints: breakpoints.map(() => WITHOUT_EFFECT) };
      if (source.path === undefined) return { breakpoints: [] };
      return { breakpoints: await launched.breakpoints.setInSource(source.path, breakpoints) };
    });
  }

  protected override setFunctionBreakPointsRequest(
    response: P.SetFunctionBreakpointsResponse,
    args: P.SetFunctionBreakpointsArguments,
  ): void {
    this.answer(response, async (launched) => {
      if (launched.kind === 'core') return { breakpoints: args.breakpoints.map(() => WITHOUT_EFFECT) };
      return { breakpoints: await launched.breakpoints.setFunctions(args.breakpoints) };
    });
  }

  // ---- moves

  protected override continueRequest(response: P.ContinueResponse): void {
    response.body = { allThreadsContinued: true };
    this.move(response, 'continue', ({ replay }) => replay.continue());
  }

  protected override nextRequest(response: P.NextResponse, { granularity }: P.NextArguments): void {
    this.move(response, 'step', ({ replay }) => replay.next(granularity === 'instruction'));
  }

  protected override stepInRequest(response: P.StepInResponse, { granularity }: P.StepInArguments): void {
    this.move(response, 'step', ({ replay }) => replay.stepIn(granularity === 'instruction'));
  }

  protected override stepOutRequest(response: P.StepOutResponse): void {
    this.move(response, 'step', ({ replay }) => replay.stepOut());
  }

  protected override stepBackRequest(response: P.StepBackResponse, { granularity }: P.StepBackArguments): void {
    this.move(response, 'step', ({ replay }) => replay.stepBack(granularity === 'instruction' ? 'instruction' : 'line'));
  }

  protected override reverseContinueRequest(response: P.ReverseContinueResponse): void {
    this.move(response, 'continue', ({ replay }) => replay.reverseContinue());
  }

  protected override pauseRequest(response: P.PauseResponse): void {
    this.answer(response, async (launched) => (launched.kind === 'core' ? undefined : launched.replay.pause()));
  }

  protected override customRequest(command: string, response: P.Response, args: unknown): void {
    switch (command) {
      case 'afterimage.timeline':
        return this.answer(response, async (launched) => timeline(launched));
      case 'afterimage.events':
        return this.answer(response, async ({ recording, reactor }) => {
          const wanted = checked(EventsArguments, command, args);
          return reactor === undefined ? { events: [] } : eventRows(recording.log(reactor.id), wanted);
        });
      case 'afterimage.seek':
        return this.move(response, 'goto', ({ replay }) => replay.goTo(reachable(checked(SeekArguments, command, args).event, replay)));
      case 'afterimage.previousEvent':
        return this.move(response, 'goto', ({ replay }) => replay.goTo(neighbour(replay, -1)));
      case 'afterimage.nextEvent':
        return this.move(response, 'goto', ({ replay }) => replay.goTo(neighbour(replay, +1)));
      case 'afterimage.restartEvent':
        return this.move(response, 'goto', ({ replay }) => replay.goTo(replay.position));
      case 'afterimage.toCrash':
        return this.move(response, 'goto', ({ reactor, replay }) => replay.toCrash(crashEventOf(reactor)));
      case 'afterimage.find':
        return this.answer(response, async (launched) => questionsOf(launched).find(checked(SearchArguments, command, args)));
      case 'afterimage.history':
        return this.answer(response, async (launched) => questionsOf(launched).history(checked(SearchArguments, command, args)));
      case 'afterimage.lastWrite':
        return this.lastWrite(response, args);
      default:
        return this.fail(response, new UserError('unknown-request', `Afterimage's debug adapter has no request "${command}".`));
    }
  }

  protected override cancelRequest(response: P.CancelResponse, { progressId }: P.CancelArguments): void {
    this.answer(response, async (launched) => questionsOf(launched).cancel(progressId ?? ''));
  }

  /** A question whose answer is a place: it is answered when the session stands there. */
  private lastWrite(response: P.Response, args: unknown): void {
    let answer: object | undefined;
    const answered = () => this.sendResponse({ ...response, body: answer } as P.Response);
    this.move(
      response,
      'goto',
      async ({ replay, questions }) => {
        const { expression, frameId } = checked(LastWriteArguments, response.command, args);
        const found = await questions.lastWrite(replay, frameAt(frameId), expression);
        answer = found.answer;
        return found.stop;
      },
      answered,
    );
  }

  // ---- looking

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
      return exceptionInfo(stop.crash, launched.recording.crash);
    });
  }

  protected override readMemoryRequest(response: P.ReadMemoryResponse, { memoryReference, offset, count }: P.ReadMemoryArguments): void {
    this.answer(response, async ({ gdb }) => {
      const address = BigInt.asUintN(64, BigInt(memoryReference) + BigInt(offset ?? 0));
      const bytes = await mi.readMemory(gdb, address, count).catch(() => Buffer.alloc(0));
      return { address: mi.hex(address), unreadableBytes: count - bytes.length, data: bytes.toString('base64') };
    });
  }

  // ---- how

  /** Answers a request with what `body` gives; with an error that the user can read when it throws. */
  private answer<R extends P.Response>(response: R, body: (launched: Launched) => Promise<R['body']>): void {
    const { moves } = this;
    const needsLaunch = !['launch', 'disconnect', 'terminate'].includes(response.command);
    if (needsLaunch && this.launched === undefined) return this.fail(response, notLaunched());
    body(this.launched!).then(
      (answer) => {
        if (answer !== undefined) response.body = answer;
        this.sendResponse(response);
      },
      // A look that a move has overtaken is nobody's mistake: the client asks again at the next stop.
      (error: unknown) => this.fail(response, error, moves === this.moves && !this.isMoving),
    );
  }

  /** Answers at once, or with `answered`, and reports the stop at which the move ends. */
  private move(response: P.Response, wish: Wish, how: (launched: Replaying) => Promise<Stop>, answered?: () => void): void {
    const { launched } = this;
    if (launched === undefined) return this.fail(response, notLaunched());
    if (launched.kind === 'core') return this.fail(response, standsStill(launched));
    if (launched.replay.running) return this.fail(response, alreadyMoving());
    let moving: Promise<Stop>;
    try {
      moving = how(launched); // checks its arguments before it moves
    } catch (error) {
      return this.fail(response, error);
    }
    this.moves += 1;
    this.stacks.clear();
    launched.variables.forget();
    if (answered === undefined) this.sendResponse(response);
    // Of its own requests a client knows that they move; of ours it must be told.
    if (response.command.startsWith('afterimage.')) this.sendEvent(new ContinuedEvent(THREAD_ID, true));
    this.settled = moving
      .then((stop) => this.stopped(launched, stop, wish))
      .then(answered)
      .catch((error: unknown) => this.stuck(launched, error, wish, answered && response));
  }

  /** Nothing has moved: gdb has refused a step, for example where there is no line information; or a question has no answer. */
  private stuck(launched: Replaying, error: unknown, wish: Wish, unanswered: P.Response | undefined): void {
    const harmless = isRefusal(error) || (unanswered !== undefined && error instanceof UserError);
    if (unanswered !== undefined) this.fail(unanswered, error);
    else if (harmless) this.say(readable(error).message, 'stderr');
    if (harmless) this.stopped(launched, launched.replay.lastStop, wish);
    else this.end(readable(error));
  }

  private stopped(launched: Replaying, stop: Stop, wish: Wish): void {
    const { recording, reactor, replay, breakpoints } = launched;
    if (stop.kind === 'crash') this.say(`${exceptionInfo(stop.crash, recording.crash).description}`, 'console');
    if (stop.kind === 'exit') this.say(ownEnd(stop.function), 'console');
    if (stop.kind === 'boundary' && replay.position >= replay.end && reactor.crashEvent !== undefined)
      this.say(crashMissing(reactor, replay.end), 'important');
    const body = stoppedBody(stop, wish, replay.position, replay.end, (number) => breakpoints.isFunction(number));
    this.sendEvent(new Event('stopped', body));
    this.sendEvent(new Event('afterimage.position', timeline(launched)));
  }

  /** The one stop of a core. */
  private showEnd(response: P.Response, launched: Inspecting): void {
    const stop = endOfCore(launched);
    this.sendResponse(response);
    if (stop.kind === 'crash') this.say(coreExceptionInfo(stop.crash, launched.reactor).description, 'console');
    this.sendEvent(new Event('stopped', coreStoppedBody(stop, launched.core.threads[0]?.id)));
    this.sendEvent(new Event('afterimage.position', timeline(launched)));
  }

  private get isMoving(): boolean {
    return this.launched?.kind === 'replay' && this.launched.replay.running;
  }

  private fail(response: P.Response, error: unknown, showUser = true): void {
    // The library leaves out of a message what does not begin with an underscore.
    this.sendErrorResponse(response, { id: 1, format: '{_message}', variables: { _message: readable(error).message }, showUser });
  }

  private say(text: string, category: string): void {
    this.sendEvent(new OutputEvent(`${text}\n`, category));
  }

  private print(text: string): void {
    this.sendEvent(new OutputEvent(text, 'stdout'));
  }
}

function crashMissing({ name, crashEvent }: ReactorInfo, end: number): string {
  const crash = `The crash that was recorded in event ${counted(crashEvent!)} of ${name}`;
  return crashEvent! < end
    ? `${crash} did not happen again.`
    : `${crash} cannot be reached: the recording has lost its events from ${counted(end)} on.`;
}

const ownEnd = (name: string): string => `The program ends itself here, by calling ${name}(). Nothing follows.`;

/** A breakpoint in a core. */
const WITHOUT_EFFECT: P.Breakpoint = { verified: false, message: 'Nothing runs in a core dump, so this breakpoint is never hit.' };

const notLaunched = () => new UserError('not-launched', 'No recording is open: the launch request comes first.');
const alreadyMoving = () => new UserError('already-moving', 'The replay is moving. Wait for it, or pause it.');

function readable(error: unknown): Error {
  if (error instanceof UserError) return error;
  if (error instanceof GdbFailure) return new GdbFailure(error.code, explained(error.message));
  const text = error instanceof Error ? error.message : String(error);
  return new Error(`The debug adapter met an error of its own: ${text}. Please report it.`);
}

function ignore(): void {}
