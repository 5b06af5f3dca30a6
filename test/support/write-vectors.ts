// Writes fixtures/recordings anew, bundles and expectations: after a change of the format, look at the difference.
//
//     npx tsc -b && node out/test/support/write-vectors.js

import fs from 'node:fs';
import path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { describeRecording } from './describe-recording';
import { recordingLines } from './recording-lines';
import { vectors } from './recording-vectors';
import { writeBundle } from './recording-writer';

const root = path.resolve(__dirname, '../../../fixtures/recordings');

for (const [name, files] of Object.entries(vectors)) {
  const directory = `${root}/${name}.afterimage`;
  fs.rmSync(directory, { recursive: true, force: true });
  writeBundle(directory, files());
  const recording = openRecording(directory);
  fs.writeFileSync(`${root}/${name}.json`, `${JSON.stringify(describeRecording(recording), null, 2)}\n`);
  fs.writeFileSync(`${root}/${name}.txt`, recordingLines(recording));
}
