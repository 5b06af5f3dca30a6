// What a data breakpoint may be on: a variable, a member, an expression, or an address; as many bytes as the processor watches.

import type { DebugProtocol as P } from '@vscode/debugprotocol';
import * as mi from '../gdb/commands';
import { UserError } from '../recording';
import { dataIdOf, MOST_BYTES_WATCHED } from './breakpoints';
import { type Replaying } from './launched';
import { frameAt } from './stack';

type Info = NonNullable<P.DataBreakpointInfoResponse['body']>;

const refused = (description: string): Info => ({ dataId: null, description });
export const NOT_WATCHED = refused('Nothing runs in a core dump, so nothing changes.');

export async function watched({ gdb, variables }: Replaying, args: P.DataBreakpointInfoArguments): Promise<Info> {
  const { variablesReference, name, frameId, bytes, asAddress } = args;
  if (asAddress === true) return offered(BigInt(name), bytes ?? 8, name);
  const variable = variablesReference === undefined ? undefined : await variables.named(variablesReference, name);
  const expression = variable?.evaluateName ?? name;
  const { address } = await mi.evaluate(gdb, frameAt(frameId), expression);
  const at = variable?.memoryReference === undefined ? address : BigInt(variable.memoryReference); // which is of its own frame
  if (at === undefined) return refused(`${name} is a computed value or in a register; only memory can be watched.`);
  const { value } = await mi.evaluate(gdb, frameAt(frameId), `sizeof(${expression})`);
  return offered(at, Number(value), name);
}

function offered(address: bigint, bytes: number, name: string): Info {
  if (!Number.isInteger(bytes) || bytes < 1) throw new UserError('request-arguments', `${bytes} is not a number of bytes.`);
  if (bytes > MOST_BYTES_WATCHED)
    return refused(`${name} has ${bytes} bytes; the processor watches ${MOST_BYTES_WATCHED} at most. Choose a member of it.`);
  return { dataId: dataIdOf(address, bytes), description: `${name} (${bytes} bytes at ${mi.hex(address)})`, accessTypes: ['write'] };
}
