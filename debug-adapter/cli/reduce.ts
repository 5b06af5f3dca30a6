// afterimage reduce: the fewest of the recorded events that end in the same crash, or make an expression true.

import { counted, grouped, type Recording } from '../recording';
import { noCrash } from '../questions/errors';
import { reduce as ask, type Reduced } from '../questions/reduce';
import { type Range } from '../questions/range';
import { wholeNumber } from './arguments';
import { type Row, showEvents } from './events-table';
import { ExitCode } from './exit-codes';
import { pathOf } from './given-recording';
import { hint, type Output, showSentence, spinner } from './output';
import { gdbOf, type ReplayerOptions, rangeOf } from './query';
import { printable } from './text';
import { decodePayloads } from '../questions/typed-payloads';

export interface ReduceOptions extends ReplayerOptions {
  readonly expression?: string;
  readonly seconds?: string;
}

const SHOWN = 40;

export async function reduce(recording: Recording, options: ReduceOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const { expression } = options;
  if (expression === undefined && recording.crash?.reactor !== range.reactor.id) throw noCrash(range.reactor.name);
  const reduced = await reduceWithSpinner(range, options, output);
  if (output.json) output.document({ reactor: range.reactor.id, expression: expression ?? null, ...reduced });
  else await show(range, expression, reduced, gdbOf(options), output);
  return ExitCode.ok;
}

async function reduceWithSpinner(range: Range, options: ReduceOptions, { json }: Output): Promise<Reduced> {
  const { expression, seconds = '120', force = false } = options;
  const deadline = Date.now() + 1000 * wholeNumber('--seconds', seconds);
  const progress = spinner('reducing', json);
  const onProgress = (needed: number, replays: number) => progress.update(`${counted(needed, 'event')} left, ${grouped(replays)} replays`);
  const enough = () => Date.now() > deadline;
  return ask(range, { gdb: gdbOf(options), force, expression, enough, onProgress }).finally(() => progress.stop());
}

type Expression = string | undefined;

async function show(range: Range, expression: Expression, reduced: Reduced, gdb: string, output: Output): Promise<void> {
  const { recording, reactor, program } = range;
  const { of, needed, replays, minimal } = reduced;
  const log = recording.log(reactor.id);
  const few = counted(needed.length, 'event');
  const outcome = expression === undefined ? 'end in the same crash' : `are enough for ${printable(expression)}`;
  showSentence(output, `${few} of ${grouped(of)} ${outcome} (${counted(replays, 'replay')}).`, few);
  const why = minimal
    ? 'Each of them is needed: without any one of them it does not come to that.'
    : 'There may be fewer: the time was over (--seconds).';
  output.line(output.colors.dim(why));
  output.line();
  const events = needed.slice(-SHOWN).map((number) => log.event(number));
  const typed = await decodePayloads(events, program, gdb);
  const rows = events.map((event, i): Row => ({ reactor, event, typed: typed[i] }));
  if (needed.length > SHOWN) output.line(output.colors.dim(`The last ${grouped(SHOWN)}:`));
  showEvents({ recording, reactors: [reactor], rows, cutShort: 'crashed' }, output);
  if (expression !== undefined) return;
  const suspect = needed.at(-2);
  if (suspect !== undefined) hint(output, 'what-if', pathOf(recording), '--without', String(suspect));
}
