// What only the command line can complain about.

import { grouped, UserError } from '../recording';
import { abridged } from './text';

export const notANumber = (option: string, text: string, example: string) =>
  new UserError('not-a-number', `${option} needs a whole number, not "${text}"; for example ${option} ${example}.`);

export const notAnAddress = (text: string) =>
  new UserError('not-an-address', `--address needs a hexadecimal address, not "${text}"; for example --address 0x400000001040.`);

export const chooseReactor = (names: readonly string[]) =>
  new UserError(
    'choose-reactor',
    names.length === 0
      ? 'The recording has no reactors: the program ended before it created one.'
      : `The recording has ${names.length} reactors and crashed in none of them. Choose one with --reactor: ${abridged(names)}.`,
  );

export const noSuchType = (wanted: string, known: readonly string[]) =>
  new UserError('no-such-type', `No event has the type "${wanted}". There are: ${abridged(known)}.`);

export const addressOrExpression = () =>
  new UserError('address-or-expression', 'Say which memory: --expression, or --address (and --bytes).');

export const diffBackwards = (from: number, to: number) =>
  new UserError(
    'diff-backwards',
    `Position ${grouped(from)} is behind position ${grouped(to)}. Give the earlier one with --from, the later one with --to.`,
  );

export const notRunning = (pid: number, state: string) =>
  new UserError('not-running', `Process ${pid} does not run any more; its recording is ${state}. Only a running program takes snapshots.`);

export const notAPackedFile = (path: string) =>
  new UserError('not-a-packed-file', `${path} is a directory, not a packed file. If it is a recording, every command takes it as it is.`);

export const oneLock = () => new UserError('one-lock', 'Give either age keys or a passphrase, not both: age does not mix them.');

export const noGenesis = (reactors: readonly { name: string; genesis: { missing?: string | undefined } | undefined }[]) => {
  const why = reactors.find(({ genesis }) => genesis?.missing !== undefined);
  return new UserError(
    'no-genesis',
    why === undefined
      ? 'The recording does not begin with the construction of its reactors, so only the very same build can replay it. Record with ' +
          'afterimage::Options{.genesis = true}.'
      : `The construction of ${why.name} is not in the recording: ${why.genesis?.missing}`,
  );
};

export const otherLayout = (changed: readonly { type: string; differences: readonly string[] }[]) =>
  new UserError(
    'other-layout',
    `Recorded events mean something else to this build: ${changed.map(({ type, differences }) => `of ${type} ${abridged(differences)}`).join('; ')}. ` +
      'Give members their places back, or deliver them as they are with --force.',
  );

export const nothingSupposed = () =>
  new UserError('nothing-supposed', 'Say what to suppose: --without EVENT, or --set EVENT:MEMBER=VALUE.');

export const notAStretch = (text: string) =>
  new UserError(
    'not-a-stretch',
    `--without needs an event or the first and last of several, not "${text}"; for example --without 100-120.`,
  );

export const notAnAssignment = (text: string) =>
  new UserError('not-an-assignment', `--set needs EVENT:MEMBER=VALUE, not "${text}"; for example --set '100:price=0'.`);
