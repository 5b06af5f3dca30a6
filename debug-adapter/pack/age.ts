// Encryption with age (https://age-encryption.org), through its author's own library. Both directions are streams: 64 KiB in memory
// at a time, whatever the size of the recording.

import * as fs from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ReadableStream } from 'node:stream/web';
import { reasonOf } from '../recording';
import { keysNotReadable, notDecryptable, notEncryptable } from './errors';
import { type Sink } from './packed-writer';

export const AGE_MAGIC = 'age-encryption.org/v1';

/** To whom: recipients (`age1...`), or whoever knows the passphrase. */
export type Locks = { readonly recipients: readonly string[] } | { readonly passphrase: string };
export type Keys = { readonly identities: readonly string[] } | { readonly passphrase: string };

/** The passphrase in a file: its first line. */
export const readPassphrase = (file: string): string => readKeyFile(file).split('\n')[0] ?? '';

/** The identities in a file as age-keygen writes it. */
export const readIdentities = (file: string): string[] =>
  readKeyFile(file).split('\n').map((line) => line.trim()).filter((line) => line.startsWith('AGE-')); // prettier-ignore

function readKeyFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw keysNotReadable(file, reasonOf(error));
  }
}

export function isEncryptedFile(file: string): boolean {
  const head = Buffer.alloc(AGE_MAGIC.length);
  const descriptor = fs.openSync(file, 'r');
  fs.readSync(descriptor, head, 0, head.length, 0);
  fs.closeSync(descriptor);
  return head.toString('latin1') === AGE_MAGIC;
}

/** A sink whose bytes arrive in `to` encrypted; `end` waits until all have. */
export async function encryptingSink(locks: Locks, to: Writable): Promise<Sink & { end(): Promise<void> }> {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  try {
    if ('passphrase' in locks) encrypter.setPassphrase(locks.passphrase);
    else for (const recipient of locks.recipients) encrypter.addRecipient(recipient);
  } catch (error) {
    throw notEncryptable((error as Error).message);
  }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const encrypted = await encrypter.encrypt(readable);
  const arrived = pipeline(Readable.fromWeb(encrypted as ReadableStream), to);
  arrived.catch(() => undefined); // told by the writer, or at the end
  const writer = writable.getWriter();
  return {
    write: (bytes) => writer.write(bytes),
    end: async () => {
      await writer.close();
      await arrived;
    },
  };
}

/** Decrypts a file into another, which is complete when this returns. */
export async function decryptFile(from: string, to: string, keys: Keys): Promise<void> {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  try {
    if ('passphrase' in keys) decrypter.addPassphrase(keys.passphrase);
    else for (const identity of keys.identities) decrypter.addIdentity(identity);
    const encrypted = Readable.toWeb(fs.createReadStream(from)) as unknown as globalThis.ReadableStream<Uint8Array>;
    const plain = await decrypter.decrypt(encrypted);
    await pipeline(Readable.fromWeb(plain as ReadableStream), fs.createWriteStream(to, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    fs.rmSync(to, { force: true });
    throw notDecryptable(from, error instanceof Error ? error.message : String(error));
  }
}
