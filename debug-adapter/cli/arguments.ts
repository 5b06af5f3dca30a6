// Arguments that several commands share.

import { type FilePlaces, type ReactorInfo, type Recording, ungrouped } from '../recording';
import { chooseReactor, notAnAddress, notANumber } from './errors';

export interface CommonOptions extends FilePlaces {
  readonly json?: boolean;
  readonly strict?: boolean;
}

/** A whole number, negative ones only where the option says so. */
export function wholeNumber(option: string, text: string, { negative = false, example = '100' } = {}): number {
  const typed = ungrouped(text);
  const value = /^-?\d{1,16}$/.test(typed) ? Number(typed) : NaN;
  if (!Number.isSafeInteger(value) || (value < 0 && !negative)) throw notANumber(option, text, example);
  return value;
}

export function addressOf(text: string): bigint {
  if (!/^(0x)?[0-9a-fA-F]{1,16}$/.test(text)) throw notAnAddress(text);
  return BigInt(text.startsWith('0x') ? text : `0x${text}`);
}

/** The reactor that was asked for, else the one that crashed, else the only one. */
export function chosenReactor(recording: Recording, wanted: string | undefined): ReactorInfo {
  if (wanted !== undefined) return recording.reactor(wanted);
  const crashed = recording.crashedReactor();
  if (crashed !== undefined) return crashed;
  if (recording.imported !== undefined && recording.reactors.length === 0) return recording.reactor(0); // says why there is none
  const only = recording.reactors[0];
  if (only === undefined || recording.reactors.length > 1) throw chooseReactor(recording.reactors.map((reactor) => reactor.name));
  return only;
}
