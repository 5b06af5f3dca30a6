// The debug session that a client sees: DAP requests in, the replay moved, stops out. Every request is a few lines; what
// there is to know is in the files beside this one.
//
//     launch             opens recording, replayer and gdb; standing at the first position, asks for breakpoints
//     configurationDone  goes to where the session begins, and reports the first stop
//
// Nothing follows the end of the recording, and nothing follows a crash: moves forward end where they began, with the same
// stop again, so that every client, and its user, finds itself somewhere.

import { InitializedEvent, TerminatedEvent } from '@vscode/debugadapter';
import type { DebugProtocol as P } from '@vscode/debugprotocol';
import { UserError } from '../recording';
import { capabilities } from './capabilities';
import { parseLaunchArguments } from './launch-arguments';
import { beginning, crashEventOf, type Launched, neighbour, questionsOf, type Replaying } from './launched';
import { LookingSession } from './looking';
import { open } from './opening';
import { ExpressionInFrame, FilterArguments, SearchArguments, WhatIfArguments } from './questions';
import { frameAt } from './stack';
import { NOT_WATCHED, watched } from './data-breakpoints';
import { checked, EventArguments, EventsArguments, eventRows, payloadOf, reachable, timeline } from './timeline';

export class AfterimageSession extends LookingSession {
  private opening: Promise<Launched> | undefined;
  private showsProgress = false;

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
      this.opening = open(parseLaunchArguments(args), this.host());
      this.launched = await this.opening;
      this.sendEvent(new InitializedEvent());
    });
  }

  protected override configurationDoneRequest(response: P.ConfigurationDoneResponse): void {
    if (this.launched?.kind === 'core') return this.showEnd(response, this.launched);
    this.move(response, 'entry', (launched) => launched.replay.goTo(beginning(launched)));
  }

  /** To where the session began; the replayer and gdb stay. */
  protected override restartRequest(response: P.RestartResponse): void {
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

  private host() {
    return {
      say: this.say.bind(this),
      print: this.print.bind(this),
      send: this.sendEvent.bind(this),
      end: this.end.bind(this),
      progress: (event: P.Event) => (this.showsProgress ? this.sendEvent(event) : undefined),
    };
  }

  // ---- breakpoints

  protected override setBreakPointsRequest(response: P.SetBreakpointsResponse, args: P.SetBreakpointsArguments): void {
    const { source, breakpoints = [] } = args;
    this.setBreakpoints(response, breakpoints, async (known) =>
      source.path === undefined ? [] : known.setInSource(source.path, breakpoints),
    );
  }

  protected override setFunctionBreakPointsRequest(
    response: P.SetFunctionBreakpointsResponse,
    { breakpoints }: P.SetFunctionBreakpointsArguments,
  ): void {
    this.setBreakpoints(response, breakpoints, (known) => known.setFunctions(breakpoints));
  }

  protected override setInstructionBreakpointsRequest(
    response: P.SetInstructionBreakpointsResponse,
    { breakpoints }: P.SetInstructionBreakpointsArguments,
  ): void {
    this.setBreakpoints(response, breakpoints, (known) => known.setInstructions(breakpoints));
  }

  protected override dataBreakpointInfoRequest(response: P.DataBreakpointInfoResponse, args: P.DataBreakpointInfoArguments): void {
    this.answer(response, async (launched) => (launched.kind === 'core' ? NOT_WATCHED : watched(launched, args)));
  }

  protected override setDataBreakpointsRequest(
    response: P.SetDataBreakpointsResponse,
    { breakpoints }: P.SetDataBreakpointsArguments,
  ): void {
    this.setBreakpoints(response, breakpoints, (known) => known.setMemory(breakpoints));
  }

  private setBreakpoints<R extends BreakpointsResponse>(
    response: R,
    wanted: readonly unknown[],
    set: (breakpoints: Replaying['breakpoints']) => Promise<P.Breakpoint[]>,
  ): void {
    this.answer<R>(response, async (launched) => ({
      breakpoints: launched.kind === 'core' ? wanted.map(() => WITHOUT_EFFECT) : await set(launched.breakpoints),
    }));
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
      case 'modules':
        return this.modulesRequest(response as P.ModulesResponse, args as P.ModulesArguments);
      case 'afterimage.timeline':
        return this.answer(response, async (launched) => timeline(launched));
      case 'afterimage.events':
        return this.answer(response, async ({ recording, reactor }) => {
          const wanted = checked(EventsArguments, command, args);
          return reactor === undefined ? { events: [] } : eventRows(recording.log(reactor.id), wanted);
        });
      case 'afterimage.payload':
        return this.answer(response, (launched) => payloadOf(launched, checked(EventArguments, command, args)));
      case 'afterimage.seek':
        return this.move(response, 'goto', ({ replay }) => replay.goTo(reachable(checked(EventArguments, command, args).event, replay)));
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
      case 'afterimage.filter':
        return this.answer(response, async (launched) => questionsOf(launched).filter(checked(FilterArguments, command, args)));
      case 'afterimage.history':
        return this.answer(response, async (launched) => questionsOf(launched).history(checked(SearchArguments, command, args)));
      case 'afterimage.heapCalls':
        return this.answer(response, async (launched) => {
          return questionsOf(launched).heapCalls(launched.gdb, checked(ExpressionInFrame, command, args));
        });
      case 'afterimage.crashNeeds':
        return this.answer(response, async (launched) => questionsOf(launched).crashNeeds());
      case 'afterimage.whatIf':
        return this.answer(response, async (launched) => questionsOf(launched).whatIf(checked(WhatIfArguments, command, args)));
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
        const { expression, frameId } = checked(ExpressionInFrame, response.command, args);
        const found = await questions.lastWrite(replay, frameAt(frameId), expression);
        answer = found.answer;
        return found.stop;
      },
      answered,
    );
  }
}

type BreakpointsResponse =
  P.SetBreakpointsResponse | P.SetFunctionBreakpointsResponse | P.SetInstructionBreakpointsResponse | P.SetDataBreakpointsResponse;

/** A breakpoint in a core. */
const WITHOUT_EFFECT: P.Breakpoint = { verified: false, message: 'Nothing runs in a core dump, so this breakpoint is never hit.' };
