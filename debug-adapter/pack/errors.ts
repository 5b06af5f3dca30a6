// What can go wrong when a recording is packed or unpacked.

import { UserError } from '../recording';

export const outputExists = (path: string) =>
  new UserError('output-exists', `${path} exists already. Choose another name with -o, or replace it with --force.`);

export const outputNotWritable = (path: string, reason: string) =>
  new UserError('output-not-writable', `${path} cannot be written: ${reason}.`);

export const hasMovedOn = (pid: number) =>
  new UserError(
    'has-moved-on',
    `Process ${pid} is still recording, and what is oldest in its recording went while it was packed. Try again.`,
  );

export const tooManyChannels = (most: number) =>
  new UserError(
    'too-many-channels',
    `The recording has more than ${most} event types in all its reactors; a packed file cannot number them.`,
  );

export const notPacked = (path: string, why: string) =>
  new UserError(
    'not-packed',
    `${path} is not a packed recording: ${why}. Give a file made by afterimage pack, or a *.afterimage directory.`,
  );

export const isEncrypted = (path: string) =>
  new UserError(
    'encrypted',
    `${path} is encrypted. Unpack it first: afterimage unpack ${path} with --identity FILE or --passphrase-file FILE.`,
  );

export const packedDamaged = (path: string, problem: string | undefined) =>
  new UserError(
    'packed-damaged',
    `${path} holds no whole manifest.json, and without it no recording. ${problem ?? ''} Copy it again from where it was made.`.replace(
      '  ',
      ' ',
    ),
  );

export const rulesNotReadable = (path: string, reason: string) =>
  new UserError('rules-not-readable', `The redaction rules ${path} cannot be read: ${reason}.`);

export const rulesWrong = (path: string, what: string) =>
  new UserError(
    'rules-wrong',
    `The redaction rules ${path} are not right: ${what}. For example: {"rules": [{"type": "shop::Order", "fields": ["customer"]}]}.`,
  );

export const noSuchRedactedType = (type: string, known: readonly string[]) =>
  new UserError(
    'no-such-type',
    `The redaction rules name the type "${type}", which no event has; nothing would be hidden. There are: ${known.slice(0, 8).join(', ')}.`,
  );

export const fieldsNotFound = (what: string) =>
  new UserError(
    'fields-not-found',
    `The fields in the redaction rules cannot be found: ${what}. Give byte ranges, or the executable with --program.`,
  );

export const keysNotReadable = (path: string, reason: string) =>
  new UserError('keys-not-readable', `${path} cannot be read: ${reason}. It should hold the passphrase, or the identity.`);

export const notEncryptable = (reason: string) => new UserError('not-encryptable', `The recording cannot be encrypted: ${reason}.`);

export const notDecryptable = (path: string, reason: string) =>
  new UserError('not-decryptable', `${path} cannot be decrypted: ${reason}. Is it the right identity or passphrase, and the whole file?`);

export const needsKey = (path: string) =>
  new UserError('needs-key', `${path} is encrypted. Give --identity FILE (age) or --passphrase-file FILE.`);
