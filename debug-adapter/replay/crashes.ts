// When two crashes are the same one.

import { type CrashReport, hasFaultAddress } from '../recording';
import { type Crash } from './reports';

const STACK_REACH = 64n << 10n;
/** Where nothing is ever mapped: the member of an object that is not there. */
const NULL_PAGE = 4096n;

/**
 * Beside the stack pointer. The replayer's stack lies elsewhere, so where it ends, and in which instruction of the recursion, is
 * another one.
 */
export const isStackOverflow = ({ signal, code, address, rsp }: Pick<CrashReport, 'signal' | 'code' | 'address' | 'rsp'>): boolean =>
  hasFaultAddress(signal, code) && address >= rsp - STACK_REACH && address < rsp + STACK_REACH;

/** By signal and instruction, in whatever event and with whatever data; only a null pointer is not the same as a wild one. */
export function isSameKindOfCrash(recorded: CrashReport, crash: Crash): boolean {
  if (crash.signal !== recorded.signal || crash.code !== recorded.code) return false;
  if (isStackOverflow(crash) || isStackOverflow(recorded)) return isStackOverflow(crash) && isStackOverflow(recorded);
  const isNull = (address: bigint) => hasFaultAddress(crash.signal, crash.code) && address < NULL_PAGE;
  return crash.rip === recorded.rip && isNull(crash.address) === isNull(recorded.address);
}
