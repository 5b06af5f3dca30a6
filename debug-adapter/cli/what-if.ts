// afterimage what-if: whether it would have crashed, had some events not come, or brought something else.

import { counted, grouped, type Recording, signalName } from '../recording';
import { isRecordedCrash, type ReadableSupposition, type Supposition, whatIf as ask, type WouldHaveBeen } from '../questions/what-if';
import { type Range } from '../questions/range';
import { type Crash } from '../replay/reports';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { gdbOf, type ReplayerOptions, rangeOf, withProgress } from './query';
import { suppositionOf, type SuppositionOptions } from './supposition';
import { hexAddress, printable, wrapped } from './text';

export type WhatIfOptions = ReplayerOptions & SuppositionOptions;

export const WHAT_IF_EXIT_CODES = `
Exit codes of this command:
  ${ExitCode.ok}  it would not have crashed
  ${ExitCode.negative}  it crashes all the same, or otherwise
  ${ExitCode.userError}  a mistake that the message explains`;

export async function whatIf(recording: Recording, options: WhatIfOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const supposition = await suppositionOf(range, options, gdbOf(options));
  const answer = await withProgress(range, options, output, (asking) => ask(range, supposition, asking));
  if (output.json) output.document(document(range, supposition, answer));
  else show(range, supposition, answer, output);
  return answer.end.event === 'crash' ? ExitCode.negative : ExitCode.ok;
}

function document({ recording, reactor }: Range, { without, payloads }: Supposition, { end, warnings }: WouldHaveBeen) {
  return {
    reactor: reactor.id,
    without,
    payloads: [...payloads].map(([event, payload]) => ({ event, payload: payload.toString('hex') })),
    position: end.event === 'crash' ? end.eventNumber : end.position,
    crash: end.event === 'crash' ? crashDocument(end) : null,
    sameCrash: isRecordedCrash(recording, reactor.id, end),
    warnings: warnings.map(({ eventNumber, kind, site, message }) => ({ eventNumber, kind, site, message })),
  };
}

const crashDocument = ({ eventNumber, signal, rip }: Crash) => ({
  event: eventNumber,
  signal: signalName(signal),
  instruction: hexAddress(rip),
});

function show(range: Range, supposition: ReadableSupposition, { end, warnings }: WouldHaveBeen, output: Output): void {
  const { colors: c, line, width } = output;
  for (const [event, text] of supposition.texts) line(c.dim(wrapped(`Event ${grouped(event)} is now ${printable(text)}`, width, '  ')));
  if (end.event === 'crash')
    showSentence(output, `It crashes ${how(range, end)}: event ${grouped(end.eventNumber)}, ${signalName(end.signal)}.`);
  else showSentence(output, `It does not crash${whatElse(range, supposition, end.position)}.`, 'It does not crash');
  for (const { eventNumber, message } of warnings)
    line(c.yellow(wrapped(`Warning, event ${grouped(eventNumber)}: ${printable(message)}.`, width, '  ')));
}

const how = ({ recording, reactor }: Range, end: Crash): string =>
  isRecordedCrash(recording, reactor.id, end) ? 'all the same, in the same place' : 'otherwise';

function whatElse({ reactor, recording }: Range, { without }: Supposition, position: number): string {
  const { end } = recording.log(reactor.id);
  const { crashEvent } = reactor;
  if (position < end) return `: ${counted(end - position, 'event')} could not be followed`;
  if (crashEvent === undefined) return `: all events up to ${grouped(end - 1)} are handled`;
  if (without.some(({ from, to }) => crashEvent >= from && crashEvent < to))
    return ` without event ${grouped(crashEvent)}, in which it crashed`;
  return `: all events up to ${grouped(end - 1)} are handled, event ${grouped(crashEvent)} included`;
}
