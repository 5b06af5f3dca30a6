// Whether the events of a recording mean to another build what they meant to the recorded one. The log has name, size and alignment of
// their types, which the replayer compares; members that changed places within the same size only debug information knows, of both builds.

import { GdbNotStarted } from '../gdb/ask-gdb';
import { layoutDifferences, typeLayouts } from '../gdb/type-layouts';
import { type ReactorInfo, type Recording, UserError } from '../recording';
import { findProgram } from '../replay/find-program';

export interface EventLayouts {
  /** Of types that are laid out otherwise; parts of sentences. */
  readonly changed: readonly { readonly type: string; readonly differences: readonly string[] }[];
  /** What could not be compared, and why; sentences. */
  readonly unknown: readonly string[];
}

export interface Builds {
  /** The one to be compared. */
  readonly exe: string;
  /** The recorded one, if it has moved. */
  readonly program?: string;
  readonly gdb: string;
}

export async function compareEventLayouts(recording: Recording, reactors: readonly ReactorInfo[], builds: Builds): Promise<EventLayouts> {
  const types = [...new Set(reactors.flatMap(({ id }) => structsIn(recording, id)))];
  if (types.length === 0) return { changed: [], unknown: [] };
  try {
    return await compare(types, findProgram(recording, builds.program), builds);
  } catch (error) {
    if (error instanceof UserError) return { changed: [], unknown: [error.message] };
    if (error instanceof GdbNotStarted) return { changed: [], unknown: [`${builds.gdb} could not be started (${error.message}).`] };
    throw error;
  }
}

const structsIn = (recording: Recording, reactor: number): string[] =>
  recording.log(reactor).types.filter(({ codec }) => codec === 'trivial').map(({ name }) => name); // prettier-ignore

async function compare(types: readonly string[], program: string, { exe, gdb }: Builds): Promise<EventLayouts> {
  const [then, now] = await Promise.all([program, exe].map((file) => typeLayouts(gdb, file, types)));
  const changed = types.flatMap((type, i) => {
    const [before, after] = [then![i], now![i]];
    if (before === undefined || after === undefined || before.bytes !== after.bytes) return [];
    const differences = layoutDifferences(before, after);
    return differences.length === 0 ? [] : [{ type, differences }];
  });
  const without = (layouts: typeof then, file: string) => {
    const names = types.filter((_, i) => layouts![i] === undefined);
    return names.length === 0 ? [] : [`${file} has no debug information of ${names.join(', ')}.`];
  };
  return { changed, unknown: [...without(then, program), ...without(now, exe)] };
}
