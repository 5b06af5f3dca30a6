// Encrypted recordings: with the right key the same as before, with none or another a sentence.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { describeRecording } from '../../support/describe-recording';
import { vectors } from '../../support/recording-vectors';
import { type Files, writeBundle } from '../../support/recording-writer';
import { temporaryDirectory } from '../../support/temporary-directory';

describe('an encrypted recording', function () {
  this.timeout(60_000);
  const scratch = temporaryDirectory();
  const at = (name: string) => `${scratch.path}/${name}`;
  let original: string;

  before(async () => {
    original = writeBundle(at('two.afterimage'), (vectors['crashed-two-reactors'] as () => Files)());
    fs.writeFileSync(at('passphrase'), 'correct horse battery staple\n');
    fs.writeFileSync(at('wrong'), 'incorrect\n');
    const age = await import('age-encryption');
    for (const name of ['key', 'other']) fs.writeFileSync(at(name), `# created: today\n${await age.generateX25519Identity()}\n`);
    const recipient = await age.identityToRecipient(fs.readFileSync(at('key'), 'utf8').split('\n')[1] as string);
    for (const [name, options] of [
      ['keys', ['--encrypt', recipient]],
      ['words', ['--passphrase-file', at('passphrase')]],
    ] as const) {
      const packed = await afterimage(['pack', '-o', at(`${name}.mcap.age`), ...options, original]);
      assert.equal(packed.code, 0, packed.stderr);
    }
  });

  for (const [file, ...key] of [
    ['keys', '--identity', 'key'],
    ['words', '--passphrase-file', 'passphrase'],
  ] as const) {
    it(`opens with the right ${key[1]}, and is as it was`, async () => {
      const { code, stderr } = await afterimage(['unpack', key[0], at(key[1]), '-o', at(`${file}.back`), at(`${file}.mcap.age`)]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(describeRecording(openRecording(at(`${file}.back`))), describeRecording(openRecording(original)));
    });
  }

  it("holds nothing that can be read, and is its owner's only", () => {
    const bytes = fs.readFileSync(at('keys.mcap.age'));
    assert.equal(bytes.toString('latin1', 0, 21), 'age-encryption.org/v1');
    for (const word of ['shop', 'manifest', 'MCAP', 'afterimage.']) assert(!bytes.includes(word), word);
    assert.equal(fs.statSync(at('keys.mcap.age')).mode & 0o777, 0o600);
  });

  const refusals: { title: string; args: string[]; says: RegExp }[] = [
    { title: 'without a key', args: ['unpack', 'keys.mcap.age'], says: /is encrypted\. Give --identity FILE \(age\) or --passphrase-file FILE/ },
    { title: 'with another key', args: ['unpack', '--identity', 'other', 'keys.mcap.age'], says: /cannot be decrypted: no identity matched/ },
    { title: 'with a wrong passphrase', args: ['unpack', '--passphrase-file', 'wrong', 'words.mcap.age'], says: /cannot be decrypted: / },
    { title: 'to a command that reads it', args: ['info', 'keys.mcap.age'], says: /is encrypted\. Unpack it first/ },
  ]; // prettier-ignore
  for (const { title, args, says } of refusals) {
    it(`does not open ${title}`, async () => {
      const named = args.map((arg) => (fs.existsSync(at(arg)) ? at(arg) : arg));
      const { code, stderr } = await afterimage([
        ...named.slice(0, 1),
        ...(args[0] === 'unpack' ? ['-o', at('refused')] : []),
        ...named.slice(1),
      ]);
      assert.match(stderr, says);
      assert.match(stderr, /^afterimage: [^\n]+\n$/);
      assert.equal(code, 2);
      assert.deepEqual(fs.readdirSync(scratch.path).filter((name) => /\.tmp$|refused/.test(name)), []); // prettier-ignore
    });
  }

  it('that was cut off or changed gives nothing', async () => {
    const whole = fs.readFileSync(at('keys.mcap.age'));
    const changed = Buffer.from(whole);
    changed[whole.length - 40] = (changed[whole.length - 40] as number) ^ 1;
    for (const bytes of [changed, whole.subarray(0, whole.length - 20)]) {
      fs.writeFileSync(at('damaged.mcap.age'), bytes);
      const { code, stderr } = await afterimage(['unpack', '--identity', at('key'), '-o', at('nothing'), at('damaged.mcap.age')]);
      assert.match(stderr, /cannot be decrypted/);
      assert.deepEqual([code, fs.existsSync(at('nothing'))], [2, false]);
    }
  });

  it('is not made for what is no recipient', async () => {
    const { code, stderr } = await afterimage(['pack', '--encrypt', 'age1nobody', '-o', at('none.age'), original]);
    assert.match(stderr, /cannot be encrypted: /);
    assert.deepEqual([code, fs.existsSync(at('none.age'))], [2, false]);
  });
});
