// Packs a recording: everything in the bundle into one indexed MCAP file (FORMAT.md §9), in an order that depends on nothing
// but its content. Events go into chunks, a segment after the other; all else is attached.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoundedFile, listSegments, type ReactorInfo, type Recording, type Segment, SegmentCache } from '../recording';
import { ChannelNumbers } from './channel-map';
import { compressed, piecesOf } from './compressed';
import {
  MESSAGE_DATA, PACK_PREFIX, PACKED_VERSION, PROFILE, RECORD_HEADER_BYTES, RECORDING_METADATA, SEGMENT_METADATA, ZSTD_MEDIA_TYPE, ZSTD_SUFFIX,
} from './layout'; // prettier-ignore
import { type PackedModule } from './modules';
import { type PackedWriter } from './packed-writer';
import { Op } from './records';
import { type Redaction } from './redaction';

export interface PackOptions {
  /** The file that is written, to put files in waiting beside. */
  readonly output: string;
  readonly modules: readonly PackedModule[];
  readonly redaction: Redaction | undefined;
  readonly withSnapshots: boolean;
  onProgress?(segment: string): void;
}

export async function packRecording(recording: Recording, writer: PackedWriter, options: PackOptions): Promise<void> {
  await new Packer(recording, writer, options).run();
}

class Packer {
  private readonly channels = new ChannelNumbers();

  constructor(
    private readonly recording: Recording,
    private readonly writer: PackedWriter,
    private readonly options: PackOptions,
  ) {}

  async run(): Promise<void> {
    const { manifest, directory, reactors } = this.recording;
    await this.writer.begin(PROFILE, manifest.library);
    const name = path.basename(directory);
    await this.writer.metadata(RECORDING_METADATA, [['version', PACKED_VERSION], ['uuid', manifest.uuid], ['name', name]]); // prettier-ignore
    await this.attachBytes('manifest.json', this.manifestBytes());
    for (const file of filesIn(directory)) {
      if (file === 'control' && this.options.redaction !== undefined) await this.attachBytes(file, this.controlBytes());
      else if (file !== 'manifest.json' && (file !== CORE || this.options.withSnapshots))
        await this.attachFile(file, `${directory}/${file}`);
    }
    for (const reactor of reactors) await this.reactor(reactor);
    for (const { name: module, file } of this.options.modules) await this.attachFile(module, file, true);
    await this.writer.end();
  }

  private manifestBytes(): Buffer {
    const bytes = fs.readFileSync(`${this.recording.directory}/manifest.json`);
    const { redaction, withSnapshots } = this.options;
    const said = {
      ...(redaction === undefined ? {} : { redaction: { ...redaction.description, snapshots: withSnapshots } }),
      ...(this.recording.state === 'live' ? { copiedNs: String(BigInt(Date.now()) * 1_000_000n) } : {}),
    };
    if (Object.keys(said).length === 0) return bytes;
    return Buffer.from(`${JSON.stringify({ ...JSON.parse(bytes.toString('utf8')), ...said }, null, 2)}\n`);
  }

  private controlBytes(): Buffer {
    const bytes = fs.readFileSync(`${this.recording.directory}/control`);
    this.options.redaction?.registers(bytes);
    return bytes;
  }

  private async reactor({ id }: ReactorInfo): Promise<void> {
    const directory = `${this.recording.directory}/r${id}`;
    for (const file of filesIn(directory)) {
      if (!/^(ev-\d+\.mcap|snap-\d+\.core(\.zst)?)$/.test(file)) await this.attachFile(`r${id}/${file}`, `${directory}/${file}`);
    }
    // How it was constructed; arguments may hold what is hidden elsewhere.
    const construction = this.options.redaction === undefined ? filesIn(`${directory}/genesis`) : [];
    for (const file of construction) await this.attachFile(`r${id}/genesis/${file}`, `${directory}/genesis/${file}`);
    // Their own list, each segment forgotten when it is packed: an index has 8 bytes an event.
    const cache = new SegmentCache();
    const { segments } = listSegments(directory, id, this.recording.manifest.uuid, cache);
    for (let next = segments.shift(); next !== undefined; next = segments.shift()) {
      this.options.onProgress?.(`r${id}/${path.basename(next.path)}`);
      await this.segment(next, id);
      cache.clear();
    }
    if (!this.options.withSnapshots) return;
    for (const snapshot of this.recording.snapshots(id)) {
      const name = `r${id}/${path.basename(snapshot.path)}`;
      this.options.onProgress?.(name);
      await this.attachFile(name, snapshot.path, !name.endsWith(ZSTD_SUFFIX)); // the recorder may have done that
    }
  }

  private async segment(segment: Segment, reactor: number): Promise<void> {
    const { index, head } = segment;
    const bytes = this.options.redaction === undefined ? segment.bytes() : Buffer.from(segment.bytes());
    const end = index.sealed?.dataBytes ?? index.usedBytes;
    const checksum = this.options.redaction === undefined && index.sealed !== undefined ? index.sealed.crc : undefined;
    await this.writer.metadata(SEGMENT_METADATA, [
      ...head.metadata,
      [`${PACK_PREFIX}library`, head.library],
      ...(checksum === undefined ? [] : [[`${PACK_PREFIX}crc`, String(checksum)] as const]),
    ]);
    await this.records(bytes, head.bytes, end, reactor);
    await this.writer.endChunk();
  }

  private async records(bytes: Buffer, from: number, end: number, reactor: number): Promise<void> {
    const numbers = new Map<number, number>();
    const types = new Map<number, string>();
    const schemas = new Map<number, Buffer>();
    for (let at = from; at < end;) {
      const next = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 1);
      const content = bytes.subarray(at + RECORD_HEADER_BYTES, next);
      if (bytes[at] === Op.Message) {
        const channel = content.readUInt16LE(0);
        const number = numbers.get(channel);
        this.options.redaction?.message(types.get(channel) ?? '', bytes.subarray(at + MESSAGE_DATA, next));
        if (number !== undefined) this.writer.message(number, bytes, at, next);
      } else if (bytes[at] === Op.Schema) {
        schemas.set(content.readUInt16LE(0), content);
      } else if (bytes[at] === Op.Channel) {
        const packed = this.channels.packed(reactor, content, schemas.get(content.readUInt16LE(2)));
        numbers.set(content.readUInt16LE(0), packed.id);
        types.set(content.readUInt16LE(0), packed.topic);
        if (packed.schema !== undefined) this.writer.schema(packed.id, packed.schema);
        this.writer.channel(packed.id, packed.content);
      }
      if (this.writer.chunkIsFull) await this.writer.endChunk();
      at = next;
    }
  }

  private attachBytes(name: string, bytes: Buffer): Promise<void> {
    return this.writer.attachment({ ...this.head(name), mediaType: mediaType(name), bytes: bytes.length }, [bytes]);
  }

  private async attachFile(name: string, file: string, compress = !name.endsWith('.json')): Promise<void> {
    const opened = BoundedFile.open(file);
    try {
      if (!compress) {
        await this.writer.attachment({ ...this.head(name), mediaType: mediaType(name), bytes: opened.bytes }, piecesOf(opened));
        return;
      }
      const waiting = compressed(opened, this.options.output);
      const head = { ...this.head(name + ZSTD_SUFFIX), mediaType: ZSTD_MEDIA_TYPE, bytes: waiting.bytes };
      await this.writer.attachment(head, waiting.pieces()).finally(() => waiting.close());
    } finally {
      opened.close();
    }
  }

  /** No time of a file: the same recording gives the same bytes wherever it was copied to. */
  private head(name: string) {
    return { name, timeNs: this.recording.manifest.startTimeNs };
  }
}

const mediaType = (name: string) => (name.endsWith('.json') ? 'application/json' : 'application/octet-stream');

/** The core dump that an imported recording was made from: memory, like a snapshot. */
const CORE = 'core';

/** Regular files (or links to them), half-written ones left out, in an order that does not depend on the file system. */
function filesIn(directory: string): string[] {
  const names = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  const isFile = (name: string) => fs.statSync(`${directory}/${name}`, { throwIfNoEntry: false })?.isFile() ?? false;
  return names.filter((name) => isFile(name) && !/\.(tmp|part)$/.test(name)).sort();
}
