// Damaged packed files: what is whole comes out, what is not is named, and nothing else happens.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { unpackFile } from '../../../debug-adapter/pack';
import { openRecording, UserError } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { describeRecording } from '../../support/describe-recording';
import { mutated } from '../../support/mutations';
import { vectors } from '../../support/recording-vectors';
import { writeBundle } from '../../support/recording-writer';
import { seeded } from '../../support/seeded-random';
import { temporaryDirectory } from '../../support/temporary-directory';

const MUTATIONS = Number(process.env['AFTERIMAGE_MUTATIONS'] ?? 500);

describe('a damaged packed recording', function () {
  this.timeout(120_000);
  const scratch = temporaryDirectory();
  let packed: string;
  let whole: Buffer;

  before(async () => {
    const bundle = writeBundle(`${scratch.path}/two.afterimage`, (vectors['crashed-two-reactors'] as () => object)() as never);
    packed = `${scratch.path}/two.mcap`;
    assert.equal((await afterimage(['pack', '-o', packed, bundle])).code, 0);
    whole = fs.readFileSync(packed);
  });

  /** What can be read of the file with these bytes; the error for the user when nothing can. */
  async function read(bytes: Buffer): Promise<ReturnType<typeof describeRecording> | UserError> {
    fs.writeFileSync(packed, bytes);
    try {
      const { directory } = await unpackFile(packed, `${scratch.path}/out`, true, undefined);
      return describeRecording(openRecording(directory));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      assert.match(error.message, /^.{20,600}$/s);
      return error;
    }
  }

  it('that is cut off keeps what came before, and says so', async () => {
    const full = await read(whole);
    assert(!(full instanceof UserError));
    let partial = 0;
    const lastData = whole.indexOf(Buffer.from('r1/snap-000000000000.core'));
    for (let bytes = 0; bytes < lastData; bytes += 37) {
      const found = await read(whole.subarray(0, bytes));
      if (found instanceof UserError) continue;
      partial++;
      assert.match(found.problems.join(' '), /packed file is damaged: it ends/, `${bytes} bytes left`);
    }
    assert(partial > 20, `${partial} could be opened`);
  });

  it('with one wrong bit in a chunk loses its events, and names it', async () => {
    const at = whole.indexOf(Buffer.from('zstd'), whole.indexOf(Buffer.from('afterimage.segment'))) + 60;
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 1;
    const found = await read(bytes);
    assert(!(found instanceof UserError));
    assert.match(found.problems.join(' '), /r0\/ev-00000001\.mcap is not whole: .*chunk/);
    assert.match(found.problems.join(' '), /lost/);
  });

  it('cannot put a file outside of the recording', async () => {
    const name = 'r0/reactor.json';
    const bytes = Buffer.from(whole.toString('latin1').replaceAll(name, '../reactor.json'), 'latin1');
    const found = await read(bytes);
    assert(!(found instanceof UserError));
    assert.match(found.problems.join(' '), /holds a file with the name "\.\.\/reactor\.json"/);
    assert(!fs.existsSync(`${scratch.path}/reactor.json`));
  });

  it(`is opened as far as it goes, or refused: ${MUTATIONS} mutations`, async () => {
    const random = seeded(20261122);
    let opened = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const found = await read(mutated(whole, random));
      if (!(found instanceof UserError)) opened++;
      assert.deepEqual(fs.readdirSync(scratch.path).filter((file) => file.endsWith('.tmp')), []); // prettier-ignore
    }
    assert(opened > MUTATIONS / 4 && opened < MUTATIONS, `${opened} could be opened`);
    assert(process.memoryUsage().rss < 700 << 20, `${process.memoryUsage().rss >> 20} MiB`);
  });
});
