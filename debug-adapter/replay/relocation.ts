// What it means that the replayer had to put the reactor elsewhere, because something else is in its recorded place.

import { type Relocated } from './reports';

/** Where an address of the moved reactor was when it was recorded; other addresses are what they were. */
export function asRecorded(address: bigint, relocated: Relocated | undefined): bigint {
  if (relocated === undefined || address < relocated.to || address >= relocated.to + BigInt(relocated.bytes)) return address;
  return address - relocated.to + relocated.from;
}

/** What was done, and what cannot be known; a sentence each. */
export function relocationSentences({ from, to, heap, variables, thread, dangling, left }: Relocated): string[] {
  const stale = dangling === 0 ? '' : `, of them ${dangling} to freed memory`;
  const unused = left === 0 ? [] : [`${left} words are addresses in the slot, but not of its memory, and were left as they are.`];
  return [
    `Something else is at ${hex(from)}, where the reactor was recorded, also when the program is started again, so it was moved to ${hex(to)}.`,
    `${heap + variables + thread} words that look like pointers to it were changed: ${heap} in its memory, ${variables} in variables, ${thread} in thread-local ones${stale}.`,
    ...unused,
    'The replay is approximate: numbers may have been taken for pointers; pointers that are compressed, combined with other bits, or not aligned were not found, and containers that hash addresses (std::unordered_map with pointers as keys) do not find what is in them. The order of addresses is kept among those of the reactor.',
  ];
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;
