// How a stop is told to the client.

import type { DebugProtocol } from '@vscode/debugprotocol';
import { grouped, type ReactorInfo, type Recording, signalName } from '../recording';
import { type ReplayedCrash, type Stop, compareCrash, describeCrash } from '../replay/stops';
import { boundaryName } from './text';

export const THREAD_ID = 1;

/** What the user asked for: the reason of a stop that has none of its own. */
export type Wish = 'entry' | 'goto' | 'step' | 'continue';

export function stoppedBody(stop: Stop, wish: Wish, position: number, end: number, breakpointReason: (number: string) => string) {
  const body: DebugProtocol.StoppedEvent['body'] = {
    reason: reasonOf(stop, wish, breakpointReason),
    threadId: THREAD_ID,
    allThreadsStopped: true,
  };
  if (stop.kind === 'crash') {
    const text = describeCrash(stop.crash);
    return { ...body, description: `Paused on ${signalName(stop.crash.signal)}`, text };
  }
  if (stop.kind === 'exit') return { ...body, description: `Paused on ${stop.function}()` };
  if (stop.kind === 'boundary') return { ...body, description: capitalised(boundaryName(position, end)) };
  if (stop.kind === 'breakpoint') return { ...body, hitBreakpointIds: stop.numbers.map(Number) };
  if (stop.kind === 'write') return { ...body, description: 'Paused before the write', ...hitIds(stop.number) };
  if (stop.kind === 'changed') return { ...body, description: 'Paused behind the change', ...hitIds(stop.number) };
  if (stop.kind === 'entry') return { ...body, description: `At event ${grouped(position)}` };
  return body;
}

const hitIds = (number?: string) => (number === undefined ? {} : { hitBreakpointIds: [Number(number)] });

function reasonOf(stop: Stop, wish: Wish, breakpointReason: (number: string) => string): string {
  if (stop.kind === 'crash') return 'exception';
  if (stop.kind === 'breakpoint') return stop.numbers.map(breakpointReason)[0] ?? 'breakpoint';
  if (stop.kind === 'pause') return 'pause';
  if (stop.kind === 'write' || stop.kind === 'changed') return 'data breakpoint';
  return wish === 'continue' ? 'pause' : wish;
}

/** With what the program itself said went wrong in that event. */
export function exceptionInfo(
  crash: ReplayedCrash,
  recording: Recording,
  reactor: ReactorInfo,
): DebugProtocol.ExceptionInfoResponse['body'] {
  const { failures } = recording.log(reactor.id).event(crash.event);
  const said = failures.map(({ sentence }) => ` ${capitalised(sentence)}.`).join('');
  const compared = compareCrash(crash, recording.crash);
  return {
    exceptionId: signalName(crash.signal),
    description: `${describeCrash(crash)}, in event ${grouped(crash.event)}.${said} ${compared}`,
    breakMode: 'unhandled',
    details: { typeName: signalName(crash.signal), message: compared },
  };
}

/** Of a core there is nothing to compare with. */
export function coreExceptionInfo(crash: ReplayedCrash, reactor: ReactorInfo | undefined) {
  const inside = reactor?.crashEvent === undefined ? '' : `, in event ${grouped(crash.event)} of ${reactor.name}`;
  const description = `${describeCrash(crash)}${inside}. This is how the core dump has it; nothing is replayed.`;
  return { exceptionId: signalName(crash.signal), description, breakMode: 'unhandled' as const };
}

export function coreStoppedBody(stop: Stop, threadId = THREAD_ID): DebugProtocol.StoppedEvent['body'] {
  const body = { threadId, allThreadsStopped: true };
  if (stop.kind !== 'crash') return { ...body, reason: 'pause', description: 'Paused where the core was taken' };
  return { ...body, reason: 'exception', description: `Ended by ${signalName(stop.crash.signal)}`, text: describeCrash(stop.crash) };
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
