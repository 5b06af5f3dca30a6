// Unpacks a packed recording into a bundle that everything else reads (FORMAT.md §9). What is damaged is left out and said; the
// reader then says which events are lost, as it does for any other damaged recording.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoundedFile, Damage, reasonOf, UserError } from '../recording';
import { AGE_MAGIC } from './age';
import { isEncrypted, notPacked, outputExists, outputNotWritable, packedDamaged } from './errors';
import { MODULES_FOLDER, PACKED_VERSION, PROFILE, RECORDING_METADATA, SEGMENT_METADATA, UNPACK_REPORT } from './layout';
import { linkLibraries } from './libraries';
import { type Attachment, PackedReader, type RecordAt } from './packed-reader';
import { Op } from './records';
import { SegmentWriter } from './segment-writer';

const SAFE_NAME = /^(?!.*(^|\/)\.\.?(\/|$))[\w.+@~,=: -]{1,200}(\/[\w.+@~,=: -]{1,200}){0,3}$/;

export interface Unpacked {
  readonly directory: string;
  /** What could not be unpacked, in sentences. */
  readonly problems: readonly string[];
}

/** Into `directory`, which must not exist; by default, the recording's own name in the current directory. */
export function unpackRecording(packed: string, directory?: string, force = false): Unpacked {
  return BoundedFile.with(packed, (file) => {
    const reader = new PackedReader(file);
    const name = nameOf(reader, file);
    const target = path.resolve(directory ?? name);
    if (fs.existsSync(target) && !force) throw outputExists(target);
    const unfinished = `${target}.${process.pid}.tmp`;
    try {
      makeDirectory(unfinished);
      const problems = new Unpacker(reader, unfinished).run();
      if (!fs.existsSync(`${unfinished}/manifest.json`)) throw packedDamaged(packed, problems[0]);
      if (problems.length > 0) fs.writeFileSync(`${unfinished}/${UNPACK_REPORT}`, `${JSON.stringify({ problems }, null, 2)}\n`);
      fs.rmSync(target, { recursive: true, force: true });
      fs.renameSync(unfinished, target);
      return { directory: target, problems };
    } catch (error) {
      fs.rmSync(unfinished, { recursive: true, force: true });
      throw error instanceof UserError || !isSystemError(error) ? error : outputNotWritable(target, reasonOf(error));
    }
  });
}

/** Throws UserError for what is no packed recording of ours. */
export const checkPacked = (packed: string): string => BoundedFile.with(packed, (file) => nameOf(new PackedReader(file), file));

function nameOf(reader: PackedReader, file: BoundedFile): string {
  if (file.read(0, AGE_MAGIC.length).toString('latin1') === AGE_MAGIC) throw isEncrypted(file.path);
  try {
    const [header, metadata] = take(reader.records(), 2);
    if (header?.opcode !== Op.Header || reader.fields(header).text() !== PROFILE) throw new Damage('Afterimage did not make it');
    const fields = metadata?.opcode === Op.Metadata ? reader.fields(metadata) : undefined;
    const kind = fields?.text();
    if (kind === SEGMENT_METADATA) throw new Damage('it is one segment of a recording; give the *.afterimage directory');
    if (fields === undefined || kind !== RECORDING_METADATA) throw new Damage('it does not say which recording it holds');
    const said = fields.map();
    if (said.get('version') !== PACKED_VERSION)
      throw new Damage(`it is packed in version ${said.get('version')}, known is ${PACKED_VERSION}`);
    const name = said.get('name') ?? '';
    return SAFE_NAME.test(name) && !name.includes('/') ? name : `${path.basename(file.path, '.mcap')}.afterimage`;
  } catch (error) {
    if (error instanceof Damage) throw notPacked(file.path, error.message);
    throw error;
  }
}

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) if (taken.push(item) === count) break;
  return taken;
}

class Unpacker {
  private readonly problems: string[] = [];
  private segment: SegmentWriter | undefined;
  private readonly made = new Set<string>();

  constructor(
    private readonly reader: PackedReader,
    private readonly directory: string,
  ) {}

  run(): string[] {
    try {
      for (const record of this.reader.records()) this.record(record);
      this.endSegment();
    } catch (error) {
      this.damaged(error, 'The packed file is damaged');
    }
    linkLibraries(`${this.directory}/${MODULES_FOLDER}`);
    return this.problems;
  }

  /** A record that is damaged does not spoil the next. */
  private record(record: RecordAt): void {
    try {
      if (record.opcode === Op.Metadata) this.metadata(record);
      else if (record.opcode === Op.Chunk) this.chunk(record);
      else if (record.opcode === Op.Attachment) this.attachment(record);
      else if (record.opcode === Op.DataEnd) this.checkAll(record);
    } catch (error) {
      const what = this.segment === undefined ? 'A part of the packed file is left out' : `${shortName(this.segment.path)} is not whole`;
      this.damaged(error, what);
    }
  }

  /** A segment with a damaged chunk ends before it: the reader says which events are lost. */
  private damaged(error: unknown, what: string): void {
    if (!(error instanceof Damage)) throw error;
    this.problems.push(`${what}: ${error.message}.`);
    this.segment?.breakOff();
    this.segment = undefined;
  }

  private endSegment(): void {
    this.segment?.end();
    this.segment = undefined;
  }

  private metadata(record: RecordAt): void {
    const fields = this.reader.fields(record);
    if (fields.text() !== SEGMENT_METADATA) return;
    this.endSegment();
    const map = fields.map();
    const [reactor, number] = [map.get('reactor') ?? '', map.get('segment') ?? ''];
    if (!/^\d{1,4}$/.test(reactor) || !/^\d{1,15}$/.test(number)) throw new Damage('a segment has no valid number');
    const file = this.fresh(`r${reactor}/ev-${number.padStart(8, '0')}.mcap`);
    this.segment = new SegmentWriter(file, map);
  }

  private chunk(record: RecordAt): void {
    this.segment?.chunk(this.reader.chunk(record));
  }

  private attachment(record: RecordAt): void {
    this.endSegment();
    const attachment = this.reader.attachment(record);
    const file = this.fresh(attachment.name);
    try {
      this.write(file, attachment);
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      fs.rmSync(file, { force: true });
      this.problems.push(`${attachment.name} is left out: ${error.message}.`);
    }
  }

  private write(file: string, attachment: Attachment): void {
    const descriptor = fs.openSync(file, 'wx', attachment.name.startsWith(`${MODULES_FOLDER}/`) ? 0o700 : 0o600);
    try {
      for (const piece of this.reader.content(attachment)) fs.writeSync(descriptor, piece);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  private checkAll(record: RecordAt): void {
    const stated = this.reader.fields(record).u32();
    if (stated === 0 || this.problems.length > 0 || this.reader.crcBefore(record) === stated) return;
    this.problems.push('The checksum of the packed file is wrong, though those of its parts are right.');
  }

  /** The path of a file inside the bundle that does not exist yet. */
  private fresh(name: string): string {
    if (!SAFE_NAME.test(name)) throw new Damage(`it holds a file with the name ${JSON.stringify(name.slice(0, 80))}`);
    if (this.made.has(name)) throw new Damage(`it holds ${name} twice`);
    this.made.add(name);
    fs.mkdirSync(path.dirname(`${this.directory}/${name}`), { recursive: true, mode: 0o700 });
    return `${this.directory}/${name}`;
  }
}

function makeDirectory(directory: string): void {
  fs.mkdirSync(path.dirname(directory), { recursive: true });
  fs.mkdirSync(directory, { mode: 0o700 });
}

const isSystemError = (error: unknown): boolean => error instanceof Error && 'syscall' in error;
const shortName = (file: string) => file.split('/').slice(-2).join('/');
