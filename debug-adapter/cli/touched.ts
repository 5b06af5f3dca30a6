// afterimage touched: what the heap did with the memory at an address, event by event.

import { counted, grouped, type Recording } from '../recording';
import { ask } from '../questions/asking';
import { checkInHeap } from '../questions/storage';
import { type Block } from '../replay/reports';
import { addressOf, chosenReactor } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';
import { byteSize, hexAddress } from './text';

export interface TouchedOptions extends QueryOptions {
  readonly address: string;
}

export async function touched(recording: Recording, options: TouchedOptions, output: Output): Promise<ExitCode> {
  const address = addressOf(options.address);
  checkInHeap(chosenReactor(recording, options.reactor), { address, bytes: 1 });
  const range = rangeOf(recording, options);
  const command = `touched ${address.toString(16)} ${range.from} ${range.to}`;
  const { findings, answer, faithful } = await withProgress(range, options, output, (asking) => ask<Block>(range, command, asking));
  const blocks = findings.map(({ eventNumber, address: start, bytes, state }) => ({
    event: eventNumber < 0 ? null : eventNumber,
    state,
    address: hexAddress(start),
    bytes,
  }));
  if (output.json) {
    output.document({ reactor: range.reactor.id, address: hexAddress(address), from: range.from, to: range.to, blocks, faithful });
  } else {
    show(blocks, { ...range, address }, output);
    warnIfUnfaithful(faithful, output);
  }
  return answer.count > 0 ? ExitCode.ok : ExitCode.negative;
}

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
