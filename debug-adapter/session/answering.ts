// How requests are answered and moves are told: the ground on which the session stands.
//
//     answer   a response when the work is done, or an error that the user can read
//     move     a response at once; then, where the move ends, what the stop is

import { ContinuedEvent, Event, LoggingDebugSession, OutputEvent, TerminatedEvent } from '@vscode/debugadapter';
import type { DebugProtocol as P } from '@vscode/debugprotocol';
import type * as mi from '../gdb/commands';
import { GdbFailure, isRefusal } from '../gdb/gdb';
import { grouped, type ReactorInfo, UserError } from '../recording';
import { type Stop } from '../replay/stops';
import { explained } from './expressions';
import { endOfCore, type Inspecting, type Launched, type Replaying, standsStill } from './launched';
import { coreExceptionInfo, coreStoppedBody, exceptionInfo, stoppedBody, THREAD_ID, type Wish } from './stopped';
import { timeline } from './timeline';

export abstract class AnsweringSession extends LoggingDebugSession {
  protected launched: Launched | undefined;
  protected closing: Promise<void> | undefined;
  /** The stacks of the present stop, each read once; by thread. */
  protected readonly stacks = new Map<number, readonly mi.Frame[]>();
  /** How many moves were begun. */
  protected moves = 0;
  /** Resolves when the present move, if there is one, has ended. */
  protected settled: Promise<unknown> = Promise.resolve();

  /** Ends every process that was started. */
  abstract close(): Promise<void>;

  /** Answers a request with what `body` gives; with an error that the user can read when it throws. */
  protected answer<R extends P.Response>(response: R, body: (launched: Launched) => Promise<R['body']>): void {
    const { moves } = this;
    const needsLaunch = !['launch', 'disconnect', 'terminate'].includes(response.command);
    if (needsLaunch && this.launched === undefined) return this.fail(response, notLaunched());
    body(this.launched!).then(
      (answer) => {
        if (answer !== undefined) response.body = answer;
        this.sendResponse(response);
      },
      // A look that a move has overtaken, or the end of the session, is nobody's mistake: the client asks again at the next stop.
      (error: unknown) => this.fail(response, error, moves === this.moves && !this.isMoving && this.closing === undefined),
    );
  }

  /** Answers at once, or with `answered`, and reports the stop at which the move ends. */
  protected move(response: P.Response, wish: Wish, how: (launched: Replaying) => Promise<Stop>, answered?: () => void): void {
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
    if (stop.kind === 'crash') this.say(`${exceptionInfo(stop.crash, recording, reactor).description}`, 'console');
    if (stop.kind === 'exit') this.say(ownEnd(stop.function), 'console');
    if (stop.kind === 'boundary' && replay.position >= replay.end && reactor.crashEvent !== undefined)
      this.say(crashMissing(reactor, replay.end), 'important');
    const body = stoppedBody(stop, wish, replay.position, replay.end, (number) => breakpoints.reasonOf(number));
    this.sendEvent(new Event('stopped', body));
    this.sendEvent(new Event('afterimage.position', timeline(launched)));
  }

  /** The one stop of a core. */
  protected showEnd(response: P.Response, launched: Inspecting): void {
    const stop = endOfCore(launched);
    this.sendResponse(response);
    if (stop.kind === 'crash') this.say(coreExceptionInfo(stop.crash, launched.reactor).description, 'console');
    this.sendEvent(new Event('stopped', coreStoppedBody(stop, launched.core.threads[0]?.id)));
    this.sendEvent(new Event('afterimage.position', timeline(launched)));
  }

  protected get isMoving(): boolean {
    return this.launched?.kind === 'replay' && this.launched.replay.running;
  }

  protected fail(response: P.Response, error: unknown, showUser = true): void {
    // Whoever sends one of our own requests shows the answer, too: VS Code would show the error a second time.
    const isOurs = response.command?.startsWith('afterimage.');
    // The library leaves out of a message what does not begin with an underscore.
    this.sendErrorResponse(response, {
      id: 1,
      format: '{_message}',
      variables: { _message: readable(error).message },
      showUser: showUser && !isOurs,
    });
  }

  protected say(text: string, category: string): void {
    this.sendEvent(new OutputEvent(`${text}\n`, category));
  }

  protected print(text: string): void {
    this.sendEvent(new OutputEvent(text, 'stdout'));
  }

  protected end(failure: Error): void {
    if (this.closing !== undefined) return;
    this.say(failure.message, 'important');
    void this.close().finally(() => this.sendEvent(new TerminatedEvent()));
  }
}

function crashMissing({ name, crashEvent }: ReactorInfo, end: number): string {
  const crash = `The crash that was recorded in event ${grouped(crashEvent!)} of ${name}`;
  return crashEvent! < end
    ? `${crash} did not happen again.`
    : `${crash} cannot be reached: the recording has lost its events from ${grouped(end)} on.`;
}

const ownEnd = (name: string): string => `The program ends itself here, by calling ${name}(). Nothing follows.`;

const notLaunched = () => new UserError('not-launched', 'No recording is open: the launch request comes first.');
const alreadyMoving = () => new UserError('already-moving', 'The replay is moving. Wait for it, or pause it.');

function readable(error: unknown): Error {
  if (error instanceof UserError) return error;
  if (error instanceof GdbFailure) return new GdbFailure(error.code, explained(error.message));
  const text = error instanceof Error ? error.message : String(error);
  return new Error(`The debug adapter met an error of its own: ${text}. Please report it.`);
}
