// Redaction: what the rules name is gone from the file, what they do not name is as it was, and nobody is left to believe in a
// replay of it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { recordCrash } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';

const FLIGHT = { departure: [0, 8], delay: [8, 12], distance: [12, 16], origin: [16, 20], destination: [20, 24] } as const;
const FIRST_FLIGHT = '515000';

describe('a redacted recording', function () {
  this.timeout(60_000);
  const scratch = temporaryDirectory();
  let recording: string;
  before(async () => {
    recording = await recordCrash('flight-board', `${scratch.path}/recorded`, ['--start', FIRST_FLIGHT]);
  });

  let count = 0;
  async function pack(rules: object, ...options: string[]) {
    const name = `${scratch.path}/${count++}`;
    fs.writeFileSync(`${name}.json`, JSON.stringify(rules));
    const packed = await afterimage(['pack', '--redact', `${name}.json`, '-o', `${name}.mcap`, ...options, recording]);
    if (packed.code === 0) assert.equal((await afterimage(['unpack', '-o', `${name}.afterimage`, `${name}.mcap`])).code, 0);
    return { ...packed, directory: `${name}.afterimage` };
  }

  /** Payloads before and after, event by event. */
  function* payloads(directory: string) {
    const [before, after] = [openRecording(recording).log(0), openRecording(directory).log(0)];
    assert.deepEqual([after.first, after.end], [before.first, before.end]);
    for (const event of before.events(before.first, before.end)) yield [event.payload, after.event(event.number).payload] as const;
  }

  it('has zeroes where the fields of a C++ type were, and everything else as it was', async () => {
    const { directory } = await pack({ rules: [{ type: 'Flight', fields: ['origin', 'destination'] }] });
    for (const [before, after] of payloads(directory)) {
      assert(
        after.subarray(...FLIGHT.origin).every((byte) => byte === 0) && after.subarray(...FLIGHT.destination).every((byte) => byte === 0),
      );
      assert(after.subarray(0, 16).equals(before.subarray(0, 16)));
    }
    assert.deepEqual(openRecording(directory).verify(), []);
  });

  it('with hashes: equal values stay equal, others differ, and a key changes all of them', async () => {
    const rule = { type: 'Flight', bytes: [[...FLIGHT.origin]], how: 'hash' };
    const hashes = [
      { rules: [rule], key: 'one' },
      { rules: [rule], key: 'two' },
    ].map((rules) => pack(rules));
    const tables = (await Promise.all(hashes)).map(({ directory }) => {
      const table = new Map<string, string>();
      for (const [before, after] of payloads(directory)) {
        const [key, value] = [before, after].map((payload) => payload.toString('hex', ...FLIGHT.origin)) as [string, string];
        assert.equal(table.get(key) ?? value, value);
        table.set(key, value);
      }
      assert.equal(new Set(table.values()).size, table.size);
      return [...table.values()].join();
    });
    assert.notEqual(tables[0], tables[1]);
  });

  it('is packed without snapshots, and says why; so it can be read, but not replayed', async () => {
    const { stdout, directory } = await pack({ rules: [{ type: 'Flight', bytes: 'all' }] });
    assert.match(stdout.replace(/\s+/g, ' '), /Snapshots are left out: they hold the memory of the program/);
    assert.deepEqual(openRecording(directory).snapshots(0), []);
    const info = await afterimage(['info', directory]);
    assert.match(
      info.stdout.replace(/\s+/g, ' '),
      /Redacted Flight \(bytes, zero\); registers of the crash; snapshots were left out: no replay/,
    );
    const replay = await afterimage(['replay', directory]);
    assert.match(replay.stderr, /no usable snapshot of board.*Snapshots were left out when it was redacted/);
    assert.equal(replay.code, 2);
    assert([...(openRecording(directory).crash?.registers.values() ?? [])].every((value) => value === 0n));
  });

  it('with snapshots is replayed, but the replay is not called faithful', async () => {
    const { directory, stdout } = await pack({ rules: [{ type: 'Flight', fields: ['departure'] }] }, '--keep-snapshots');
    assert.match(stdout, /as you asked/);
    const { code, stdout: said } = await afterimage(['replay', '--to', '100', directory]);
    assert.match(said.replace(/\s+/g, ' '), /From event 0 on the replay is not faithful: payloads were overwritten/);
    assert.equal(code, 1);
    assert.equal((await afterimage(['replay', '--to', '0', directory])).code, 0);
  });

  const mistakes: { title: string; rules: object | string; says: RegExp }[] = [
    { title: 'a type that no event has', rules: { rules: [{ type: 'Fright', bytes: 'all' }] }, says: /"Fright", which no event has; nothing would be hidden\. There are: Flight/ },
    { title: 'a field that the type has not', rules: { rules: [{ type: 'Flight', fields: ['pilot'] }] }, says: /cannot be found: Flight::pilot: There is no member named pilot/ },
    { title: 'a misspelt rule', rules: { rules: [{ type: 'Flight', byte: 'all' }] }, says: /rules\.0: .*"byte"/ },
    { title: 'a rule that hides nothing', rules: { rules: [{ type: 'Flight' }] }, says: /needs "fields" or "bytes"/ },
  ]; // prettier-ignore
  for (const { title, rules, says } of mistakes) {
    it(`is not made by ${title}`, async () => {
      const { code, stderr } = await pack(rules as object);
      assert.match(stderr, says);
      assert.match(stderr, /^afterimage: [^\n]+\n$/);
      assert.equal(code, 2);
    });
  }
});
