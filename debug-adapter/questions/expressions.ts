// C++ expressions as a replayer wants them: gdb compiles, the replayer evaluates between events without a debugger.
// `this`, the members, and the argument of react() mean what they mean there.

import { type Code } from '../gdb/agent-expression';
import { GdbNotStarted } from '../gdb/ask-gdb';
import { compileExpression } from '../gdb/compile-expression';
import { gdbFailed, gdbMissing, notCompiled } from './errors';
import { type Range } from './range';

export async function compiled(range: Range, expression: string, gdb: string): Promise<string> {
  return (await compile(range, expression, gdb, false)).code.toString('hex');
}

/** Where the expression is stored; with its size. */
export async function compiledStorage(range: Range, expression: string, gdb: string): Promise<{ code: string; bytes: number }> {
  const { code, bytes } = await compile(range, expression, gdb, true);
  return { code: code.toString('hex'), bytes: bytes ?? 0 };
}

async function compile({ recording, reactor, program }: Range, expression: string, gdb: string, storage: boolean): Promise<Code> {
  const events = recording.log(reactor.id).types.map((type) => type.name);
  const result = await withGdb(gdb, () => compileExpression({ gdb, program, reactor: reactor.type, events, expression, storage }));
  if ('problem' in result) throw notCompiled(expression, result.problem);
  return result;
}

export async function withGdb<T>(gdb: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof GdbNotStarted) throw error.missing ? gdbMissing(gdb) : gdbFailed(error.message);
    throw error;
  }
}
