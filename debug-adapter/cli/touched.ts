// afterimage touched: what the heap did with the memory at an address, event by event.

import { type Recording } from '../recording';
import { ask } from '../questions/asking';
import { checkInHeap } from '../questions/storage';
import { type Block } from '../replay/reports';
import { addressOf, chosenReactor } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';
import { counted, hexAddress } from './text';

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
    const { colors: c, line } = output;
    const changes = counted(answer.count, 'event');
    showSentence(output, `The block at ${hexAddress(address)} changed in ${changes} from ${range.from} to ${range.to - 1}.`);
    for (const block of blocks) {
      const when = block.event === null ? 'before' : String(block.event);
      const what =
        block.state === 'none'
          ? 'no block'
          : `${block.state === 'live' ? c.green('in use') : c.red('free')}  ${block.bytes} bytes at ${block.address}`;
      line(`  ${when.padStart(9)}  ${what}`);
    }
    warnIfUnfaithful(faithful, output);
  }
  return answer.count > 0 ? ExitCode.ok : ExitCode.negative;
}
