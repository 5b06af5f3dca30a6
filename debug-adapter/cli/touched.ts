// afterimage touched: what the heap did with the memory at an address, event by event, and who called it.

import { counted, grouped, type Recording } from '../recording';
import { checkInHeap } from '../questions/storage';
import { type HeapCall, touched as ask } from '../questions/touched';
import { type Block } from '../replay/reports';
import { addressOf, chosenReactor } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { placeText } from './place';
import { type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';
import { byteSize, hexAddress, printable, wrapped } from './text';

export interface TouchedOptions extends QueryOptions {
  readonly address: string;
}

export async function touched(recording: Recording, options: TouchedOptions, output: Output): Promise<ExitCode> {
  const address = addressOf(options.address);
  checkInHeap(chosenReactor(recording, options.reactor), { address, bytes: 1 });
  const range = rangeOf(recording, options);
  const answer = await withProgress(range, options, output, (asking) => ask(range, address, asking));
  const { calls, changes, faithful } = answer;
  const blocks = answer.blocks.map(({ eventNumber, address: start, bytes, state }) => ({
    event: eventNumber < 0 ? null : eventNumber,
    state,
    address: hexAddress(start),
    bytes,
  }));
  if (output.json) {
    const asked = { reactor: range.reactor.id, address: hexAddress(address), from: range.from, to: range.to };
    output.document({ ...asked, blocks, calls: calls.map(document), faithful });
  } else {
    show(blocks, { ...range, address }, output);
    showCalls(calls, output);
    warnIfUnfaithful(faithful, output);
  }
  return changes > 0 ? ExitCode.ok : ExitCode.negative;
}

const document = ({ eventNumber, number, what, address, bytes, places }: HeapCall) => {
  return { event: eventNumber, number, what, address: hexAddress(address), bytes, places };
};

const FREED_BY_OTHERS = 'outside of react(), by another thread or reactor';
const MADE = 'outside of react(), for an event that was made here';
const INDENT = ' '.repeat(13);

interface BlockThen {
  readonly event: number | null;
  readonly state: Block['state'];
  readonly address: string;
  readonly bytes: number;
}

function show(blocks: readonly BlockThen[], { address, from, to }: { address: bigint; from: number; to: number }, output: Output): void {
  const { colors: c, line } = output;
  const changes = blocks.filter(({ event }) => event !== null).length;
  const happened = changes === 0 ? 'was neither allocated nor freed' : `was allocated or freed in ${counted(changes, 'event')}`;
  showSentence(output, `The block at ${hexAddress(address)} ${happened} from event ${grouped(from)} to ${grouped(to - 1)}.`);
  line(c.dim('      event  block'));
  for (const { event, state, bytes, address: start } of blocks) {
    const what = state === 'none' ? 'none' : `${state === 'live' ? c.green('in use') : c.red('free  ')}  ${byteSize(bytes)} at ${start}`;
    line(`  ${(event === null ? 'before' : grouped(event)).padStart(9)}  ${what}`);
  }
}

function showCalls(calls: readonly HeapCall[], { colors: c, line, width }: Output): void {
  const last = calls.at(-1);
  if (last === undefined) return;
  line();
  line(c.dim(`      event  call${calls.length < last.number ? `, the last ${calls.length} of ${grouped(last.number)}` : ''}`));
  for (const { eventNumber, what, bytes, address, places } of calls) {
    line(
      `  ${grouped(eventNumber).padStart(9)}  ${what === 'freed' ? c.red(what) : c.green(what)}  ${byteSize(bytes)} at ${hexAddress(address)}`,
    );
    const texts = places.length === 0 ? [what === 'freed' ? FREED_BY_OTHERS : MADE] : places.map(placeText);
    for (const [i, text] of texts.entries())
      line(`${INDENT}${wrapped(`${i === 0 ? '' : 'from '}${printable(text)}`, width, `${INDENT}  `)}`);
  }
}
