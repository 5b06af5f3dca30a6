// Why the replay stands where it stands, and what a stack says about whose code runs.

import * as path from 'node:path';
import { type Frame } from '../gdb/commands';
import { type CrashReport, grouped, hasFaultAddress, signalMeaning, signalName } from '../recording';
import { isStackOverflow } from './crashes';

export type Stop =
  /** At the first line of react(), or as near to it as the debug information allows. */
  | { readonly kind: 'entry' }
  | { readonly kind: 'step' }
  | { readonly kind: 'pause' }
  /** The next instruction changes memory that was asked for, or that this breakpoint is on. */
  | { readonly kind: 'write'; readonly number?: string }
  | { readonly kind: 'breakpoint'; readonly numbers: readonly string[] }
  /** The instruction before has changed memory that a breakpoint is on. */
  | { readonly kind: 'changed'; readonly number: string }
  /** Between two events; there is no event after it when the position is the end of the recording. */
  | { readonly kind: 'boundary' }
  | { readonly kind: 'crash'; readonly crash: ReplayedCrash }
  /** The program is about to end itself, by calling this function of the C library. */
  | { readonly kind: 'exit'; readonly function: string };

/** Nothing of the recording follows a crash or an end. */
export const isLast = ({ kind }: Stop): boolean => kind === 'crash' || kind === 'exit';

export interface ReplayedCrash {
  readonly signal: number;
  readonly code: number;
  readonly address: bigint;
  readonly rip: bigint;
  readonly event: number;
}

const signalNumbers = new Map(Array.from({ length: 64 }, (_, number) => [signalName(number), number] as const));
export const signalNumber = (name: string): number => signalNumbers.get(name) ?? 0;

/** `SIGSEGV (address not mapped) at address 0x20` */
export function describeCrash({ signal, code, address }: Pick<ReplayedCrash, 'signal' | 'code' | 'address'>): string {
  const meaning = signalMeaning(signal, code);
  const where = hasFaultAddress(signal, code) ? ` at address 0x${address.toString(16)}` : '';
  return `${signalName(signal)}${meaning === undefined ? '' : ` (${meaning})`}${where}`;
}

/** A sentence on whether a crash is the recorded one. */
export function compareCrash(crash: ReplayedCrash, recorded: CrashReport | undefined): string {
  if (recorded === undefined) return 'The recording does not say how the program crashed.';
  const places = isStackOverflow(recorded) ? [] : placeDifferences(crash, recorded);
  const differences = [
    crash.event === recorded.event ? '' : recorded.event === undefined ? 'in no event' : `in event ${grouped(recorded.event)}`,
    crash.signal === recorded.signal ? '' : `with ${signalName(recorded.signal)}`,
    ...places,
  ].filter((difference) => difference !== '');
  if (differences.length > 0) return `Not the same as recorded: the program crashed ${differences.join(', ')}.`;
  if (isStackOverflow(recorded)) return 'The same as recorded: same event, same signal. The stack has overflowed.';
  return 'The same as recorded: same event, same instruction, same signal and address.';
}

function placeDifferences(crash: ReplayedCrash, recorded: CrashReport): string[] {
  const comparable = hasFaultAddress(recorded.signal, recorded.code);
  return [
    crash.rip === recorded.rip ? '' : `at instruction 0x${recorded.rip.toString(16)}`,
    crash.address === recorded.address || !comparable ? '' : `at address 0x${recorded.address.toString(16)}`,
  ];
}

/** Code of the replayer and of the library's headers, which is not what the user debugs. */
export function isInfrastructure(frame: Frame): boolean {
  if (frame.library !== undefined && path.basename(frame.library).startsWith('libafterimage')) return true;
  return /^(non-virtual thunk to )?(afterimage::|afterimage_)/.test(frame.function ?? '');
}

/**
 * Whose code a stack, innermost frame first, is in: the user's; the library's, called by the user's (index of the user's
 * frame); or only the library's: react() has returned.
 */
export function whereabouts(frames: readonly Frame[]): { kind: 'user' } | { kind: 'called'; from: number } | { kind: 'left' } {
  const from = frames.findIndex((frame) => !isInfrastructure(frame));
  if (from === 0) return { kind: 'user' };
  return from > 0 ? { kind: 'called', from } : { kind: 'left' };
}
