// Who allocated this, and who freed it?

import { codeNames } from '../gdb/code-names';
import { type Place, usersStack } from '../gdb/stack-places';
import { type Recording } from '../recording';
import { modulePath } from '../replay/modules';
import { type Block, type Call } from '../replay/reports';
import { ask, type Asking } from './asking';
import { type Range } from './range';

export interface HeapCall extends Call {
  /** The program's own code that called, and who called that; empty when nothing inside react() did. */
  readonly places: readonly Place[];
}

export interface Touched {
  /** How the block at the address changed from event to event. */
  readonly blocks: readonly Block[];
  /** The last ones. */
  readonly calls: readonly HeapCall[];
  readonly changes: number;
  readonly faithful: boolean;
}

/** What the heap did with the memory at an address. */
export async function touched(range: Range, address: bigint, asking: Asking): Promise<Touched> {
  const command = `touched ${address.toString(16)} ${range.from} ${range.to}`;
  const { findings, answer, faithful } = await ask<Block | Call>(range, command, asking);
  const calls = findings.filter((finding): finding is Call => finding.event === 'call');
  const blocks = findings.filter((finding): finding is Block => finding.event === 'block');
  return { blocks, calls: await withPlaces(range, calls, asking.gdb), changes: answer.count, faithful };
}

async function withPlaces({ recording, program }: Range, calls: readonly Call[], gdb: string): Promise<HeapCall[]> {
  const frames = calls.flatMap((call) => call.frames);
  const names = await codeNames(gdb, modulesHere(recording, program), frames);
  return calls.map((call) => ({ ...call, places: usersStack(call.frames, names) }));
}

function modulesHere(recording: Recording, program: string) {
  return recording.manifest.modules.map((module) => {
    return { path: module.kind === 'exe' ? program : modulePath(recording, module), base: module.base, bytes: BigInt(module.bytes) };
  });
}
