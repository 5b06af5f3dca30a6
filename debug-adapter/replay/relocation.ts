// What it means that the replayer had to put the reactor elsewhere, because something else is in its recorded place.

import { type Relocated } from './reports';

/** Where an address of the moved reactor was when it was recorded; other addresses are what they were. */
export function asRecorded(address: bigint, relocated: Relocated | undefined): bigint {
  if (relocated === undefined || address < relocated.to || address >= relocated.to + BigInt(relocated.bytes)) return address;
  return address - relocated.to + relocated.from;
}

/** What was done, and what cannot be known; a sentence each. */
export function relocationSentences(relocated: Relocated): string[] {
  const { from, to } = relocated;
  return [
    `Something else is in the reactor's place at ${hex(from)}, also when the program is started again, so it was moved to ${hex(to)}.`,
    ...(relocated.how === 'walked' ? walked(relocated) : searched(relocated)),
    'The order of addresses is kept among those of the reactor.',
  ];
}

function walked({ heap, unreached, searched, hashedByAddress }: Relocated): string[] {
  return [
    `Its traverse() named ${heap} words to change.`,
    ...(unreached === 0 ? [] : [`It led to all of its memory but ${unreached} blocks: what they point to is not known.`]),
    ...(searched.length === 0
      ? []
      : [`What says nothing about itself was searched for words that look like pointers: ${searched.join(', ')}.`]),
    ...(hashedByAddress.length === 0 ? [] : [`These hash addresses, and have another order: ${hashedByAddress.join(', ')}.`]),
    'The replay is approximate: freed memory, and pointers that traverse() does not name, are as they were.',
  ];
}

function searched({ heap, variables, thread, dangling, left }: Relocated): string[] {
  const stale = dangling === 0 ? '' : `, of them ${dangling} to freed memory`;
  const unused = left === 0 ? [] : [`${left} words are addresses in the slot, but not of its memory, and were left as they are.`];
  return [
    `${heap + variables + thread} words that look like pointers to it were changed: ${heap} in its memory, ${variables} in variables, ${thread} in thread-local ones${stale}.`,
    ...unused,
    'The replay is approximate: numbers may have been taken for pointers; pointers that are compressed, combined with other bits, or not aligned were not found, and containers that hash addresses (std::unordered_map with pointers as keys) do not find what is in them.',
  ];
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;
