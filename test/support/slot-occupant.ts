// Something in the reactor's place: a library, preloaded, that takes a page there (fixtures/programs/slot-occupant).
import * as path from 'node:path';
import { type ReactorInfo } from '../../debug-adapter/recording';
import { root } from './fixture-programs';

const library = path.join(root, 'build/recorder/fixtures/slot-occupant/libslot-occupant.so');

/** For a process that starts replayers. With `once`, a file, only the first of them finds the place taken. */
export const occupying = ({ heapBase }: Pick<ReactorInfo, 'heapBase'>, once?: string): NodeJS.ProcessEnv => ({
  LD_PRELOAD: library,
  SLOT_OCCUPANT: heapBase.toString(16),
  ...(once === undefined ? {} : { SLOT_OCCUPANT_ONCE: once }),
});

/** What `start` starts has this environment; we, and what is started later, do not. */
export function inEnvironment<T>(environment: NodeJS.ProcessEnv, start: () => T): T {
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    return start();
  } finally {
    for (const name of Object.keys(environment)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}
