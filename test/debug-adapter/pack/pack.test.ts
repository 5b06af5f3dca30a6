// A recording as one file and back: the same events, the same snapshots, the same replay; and a file that MCAP's own tools read.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { describeRecording } from '../../support/describe-recording';
import { recordCrash } from '../../support/fixture-programs';
import { all, withMcapReader } from '../../support/mcap-file';
import { vectors } from '../../support/recording-vectors';
import { writeBundle } from '../../support/recording-writer';
import { temporaryDirectory } from '../../support/temporary-directory';

async function succeed(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await afterimage(args, environment);
  assert.equal(code, 0, `afterimage ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const filesIn = (directory: string): string[] =>
  fs.readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort(); // prettier-ignore

describe('a packed recording', function () {
  this.timeout(60_000);
  const scratch = temporaryDirectory();

  for (const [name, files] of Object.entries(vectors)) {
    it(`${name}: comes back with the same events and snapshots`, async () => {
      const original = writeBundle(`${scratch.path}/${name}.afterimage`, files());
      const packed = `${scratch.path}/${name}.mcap`;
      await succeed(['pack', '-o', packed, original]);
      await succeed(['unpack', '-o', `${scratch.path}/${name}.back`, packed]);
      const [before, after] = [original, `${scratch.path}/${name}.back`].map((bundle) => describeRecording(openRecording(bundle)));
      if (name.startsWith('damaged')) assert.deepEqual({ ...after, problems: [] }, { ...before, problems: [] });
      else assert.deepEqual(after, before);
    });
  }

  describe('of a real crash', () => {
    let recording: string;
    let packed: string;
    before(async () => {
      recording = await recordCrash('three-reactors', `${scratch.path}/crash`);
      packed = `${scratch.path}/crash.mcap`;
      await succeed(['pack', '-o', packed, recording]);
    });

    it('is readable by its owner only, and leaves nothing else behind', () => {
      assert.equal(fs.statSync(packed).mode & 0o777, 0o600);
      assert.deepEqual(
        fs.readdirSync(scratch.path).filter((name) => /tmp|part/.test(name)),
        [],
      );
    });

    it('has the same bytes each time, wherever and whenever the recording was copied to', async () => {
      const copy = `${scratch.path}/copy/${path.basename(recording)}`;
      fs.cpSync(recording, copy, { recursive: true });
      for (const file of filesIn(copy)) fs.utimesSync(path.join(copy, file), 1, 1);
      await succeed(['pack', '-o', `${scratch.path}/again.mcap`, copy]);
      assert(fs.readFileSync(`${scratch.path}/again.mcap`).equals(fs.readFileSync(packed)));
    });

    it('gives back every file byte for byte, but for segments that were not sealed yet', async () => {
      const directory = `${scratch.path}/whole.afterimage`;
      await succeed(['unpack', '-o', directory, packed]);
      const kept = filesIn(recording).filter((name) => !name.includes('ev-') && !name.endsWith('.tmp'));
      assert.deepEqual(filesIn(directory).filter((name) => !name.includes('ev-')), kept); // prettier-ignore
      for (const name of kept) assert(fs.readFileSync(`${directory}/${name}`).equals(fs.readFileSync(`${recording}/${name}`)), name);
      const [before, after] = [recording, directory].map((bundle) => describeRecording(openRecording(bundle)));
      assert.deepEqual(after, before);
      assert.equal(fs.statSync(directory).mode & 0o777, 0o700);
    });

    it('is an indexed MCAP file with the events of each reactor in order', () =>
      withMcapReader(packed, async (reader) => {
        const opened = openRecording(recording);
        for (const { id } of opened.reactors) {
          const log = opened.log(id);
          const topics = [...reader.channelsById.values()].map(({ topic }) => topic).filter((topic) => topic.startsWith(`r${id}/event/`));
          const messages = await all(reader.readMessages({ topics }));
          const events = [...log.events(log.first, log.end - log.first)];
          assert.equal(messages.length, events.length);
          messages.forEach((message, i) => {
            assert.deepEqual([message.sequence, message.logTime], [events[i]?.number, events[i]?.timeNs]);
            assert(Buffer.from(message.data).equals(events[i]?.payload as Buffer));
          });
        }
        assert.equal(reader.header.profile, 'afterimage');
      }));

    it('has manifest, control and snapshots as attachments whose checksums are right', () =>
      withMcapReader(packed, async (reader) => {
        const attachments = await all(reader.readAttachments());
        const names = attachments.map(({ name }) => name.replace(/\.zst$/, ''));
        assert.deepEqual(names.sort(), filesIn(recording).filter((name) => !/ev-|\.tmp$/.test(name))); // prettier-ignore
        assert(
          attachments.every(
            (attachment) => attachment.mediaType === (attachment.name.endsWith('.zst') ? 'application/zstd' : 'application/json'),
          ),
        );
        const manifest = attachments.find(({ name }) => name === 'manifest.json');
        assert(Buffer.from(manifest?.data ?? []).equals(fs.readFileSync(`${recording}/manifest.json`)));
      }));

    it('is replayed as the recording is, without being unpacked by hand', async () => {
      const cache = { XDG_CACHE_HOME: `${scratch.path}/cache` };
      const first = await afterimage(['replay', packed], cache);
      assert.match(first.stdout, /The same crash as recorded/, first.stderr);
      assert.match(first.stderr, /^Unpacking into .*cache\/afterimage\/[0-9a-f]{32}\.afterimage, once\.\n$/);
      const second = await afterimage(['events', '--json', packed], cache);
      assert.deepEqual([second.code, second.stderr], [0, '']);
      const { stdout } = await afterimage(['info', packed], cache);
      assert.equal(stdout.split('\n')[0], path.basename(packed));
    });

    it('takes the modules along, and replays with them where the program is gone', async () => {
      const withModules = `${scratch.path}/modules.mcap`;
      const directory = `${scratch.path}/elsewhere.afterimage`;
      await succeed(['pack', '--modules', '-o', withModules, recording]);
      await succeed(['unpack', '-o', directory, withModules]);
      const manifest = JSON.parse(fs.readFileSync(`${directory}/manifest.json`, 'utf8'));
      const { executable } = manifest;
      manifest.executable = '/gone/three-reactors';
      for (const module of manifest.modules)
        if (/three-reactors|afterimage/.test(module.path)) module.path = `/gone/${path.basename(module.path)}`;
      fs.writeFileSync(`${directory}/manifest.json`, JSON.stringify(manifest));
      const { stdout, stderr } = await afterimage(['replay', directory]);
      assert.match(stdout, /The same crash as recorded/, stderr);
      assert.deepEqual(
        fs.readFileSync(`${directory}/modules/${manifest.modules[0].buildId}/three-reactors`).equals(fs.readFileSync(executable)),
        true,
      );
    });

    it('does not replace a file that is there, unless told so', async () => {
      const refused = await afterimage(['pack', '-o', packed, recording]);
      assert.match(refused.stderr, /crash\.mcap exists already\. .* --force\.\n$/);
      assert.equal(refused.code, 2);
      await succeed(['pack', '--force', '-o', packed, recording]);
      await succeed(['unpack', '-o', `${scratch.path}/twice`, packed]);
      assert.equal((await afterimage(['unpack', '-o', `${scratch.path}/twice`, packed])).code, 2);
      await succeed(['unpack', '--force', '-o', `${scratch.path}/twice`, packed]);
    });

    it('is told from what is no packed recording', async () => {
      const segment = `${recording}/r0/ev-00000001.mcap`;
      assert.match((await afterimage(['info', segment])).stderr, /is one segment of a recording; give the \*\.afterimage directory/);
      assert.match(
        (await afterimage(['unpack', '/etc/passwd'])).stderr,
        /passwd is not a packed recording: it does not begin as an MCAP file/,
      );
      assert.match((await afterimage(['unpack', '/nowhere.mcap'])).stderr, /nowhere\.mcap cannot be read: it does not exist/);
    });
  });
});
