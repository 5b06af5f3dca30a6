// Every vector in fixtures/recordings reads as the JSON beside it says; the C++ reader is compared with the same files.

import type { McapTypes } from '@mcap/core' with { 'resolution-mode': 'import' };
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { describeRecording } from '../../support/describe-recording';
import { recordingLines } from '../../support/recording-lines';
import { vectors } from '../../support/recording-vectors';

const fixtures = path.resolve(__dirname, '../../../../fixtures/recordings');
const names = fs
  .readdirSync(fixtures)
  .filter((name) => name.endsWith('.afterimage'))
  .map((name) => path.basename(name, '.afterimage'));

describe('the vectors', () => {
  for (const name of names) {
    it(`${name} reads as expected`, () => {
      const expected: unknown = JSON.parse(fs.readFileSync(`${fixtures}/${name}.json`, 'utf8'));
      const found: unknown = JSON.parse(JSON.stringify(describeRecording(openRecording(`${fixtures}/${name}.afterimage`))));
      assert.deepEqual(found, expected);
      assert.equal(recordingLines(openRecording(`${fixtures}/${name}.afterimage`)), fs.readFileSync(`${fixtures}/${name}.txt`, 'utf8'));
    });
  }

  it('are those that the generator writes, byte by byte', () => {
    assert.deepEqual(names, Object.keys(vectors).sort());
    for (const [name, files] of Object.entries(vectors)) {
      for (const [file, content] of Object.entries(files())) {
        if (Buffer.isBuffer(content)) assert(content.equals(fs.readFileSync(`${fixtures}/${name}.afterimage/${file}`)), `${name}/${file}`);
      }
    }
  });

  it('has sealed segments that are complete MCAP files to @mcap/core', async () => {
    for (const [name, segment] of [
      ['closed-every-record', 1],
      ['crashed-two-reactors', 1],
      ['large-event-out-of-turn', 3],
    ] as const) {
      const records = await readWithMcapCore(`${fixtures}/${name}.afterimage/r0/ev-0000000${segment}.mcap`);
      assert.deepEqual(
        ['Header', 'DataEnd', 'Footer'].map((type) => records.filter((record) => record.type === type).length),
        [1, 1, 1],
      );
    }
  });

  it('holds the same events for @mcap/core as for us', async () => {
    const recording = openRecording(`${fixtures}/closed-every-record.afterimage`);
    const records = await readWithMcapCore(`${recording.directory}/r0/ev-00000001.mcap`);
    const topics = new Map(records.flatMap((record) => (record.type === 'Channel' ? [[record.id, record.topic] as const] : [])));
    const messages = records.filter((record) => record.type === 'Message').filter(({ channelId }) => channelId >= 16);
    assert.deepEqual(
      messages.map((m) => [m.sequence, topics.get(m.channelId), m.logTime, Buffer.from(m.data).toString('hex')]),
      [...recording.log(0).events(0, 9)].map((e) => [e.number, `event/${e.type.name}`, e.timeNs, e.payload.toString('hex')]),
    );
  });
});

async function readWithMcapCore(file: string): Promise<McapTypes.TypedMcapRecord[]> {
  const { McapStreamReader } = await import('@mcap/core');
  const reader = new McapStreamReader({ includeChunks: true });
  reader.append(fs.readFileSync(file));
  const records: McapTypes.TypedMcapRecord[] = [];
  for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) records.push(record);
  assert(reader.done(), `${file} is complete`);
  return records;
}
