// What a core is and what an import of it would bring, from its first pages: nothing is written, and no heap is read.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoundedFile } from '../recording';
import { compressionOf } from './compressed';
import { isCompressed } from './errors';
import { endOf, examineCore } from './examine';
import { findRecording, recordingPath } from './find-recording';
import { type ImportOptions, levelOf, whatThereIs } from './import';

export function examineSummary(file: string, options: ImportOptions) {
  const head = BoundedFile.with(file, (opened) => opened.read(0, 16));
  const compression = compressionOf(head);
  if (compression !== undefined) throw isCompressed(file, compression);
  const beside = path.dirname(path.resolve(file));
  const examination = examineCore(file, { ...options, beside });
  const { core, executable, modules, located, program } = examination;
  const recording = findRecording(examination, beside, options.recording);
  const level = levelOf(examination, recording);
  const summary = {
    core: path.resolve(file),
    bytes: fs.statSync(file).size,
    missingBytes: core.missingBytes,
    level,
    executable: executable === undefined ? null : { path: executable.path, buildId: executable.buildId, here: program ?? null },
    modules: modules.length,
    threads: core.threads.length,
    block: located === undefined ? null : { how: located.how, uuid: located.block.uuid, events: located.block.events.length },
    recording: recording?.directory ?? null,
    recordingThere: recordingPath(examination) ?? null,
    sentences: [endOf(examination), whatThereIs(level, examination, recording), ...examination.gaps],
  };
  recording?.close();
  core.close();
  return summary;
}
