// Channel numbers. Each segment counts its own; in the packed file a number means the same everywhere. A channel keeps its
// metadata, and gets three more (`pack.reactor`, `pack.channel`, `pack.schema`) from which unpacking finds the way back.

import { Fields } from '../recording';
import { PACK_PREFIX } from './layout';
import { tooManyChannels } from './errors';
import { map, text, u16 } from './records';

const CHANNELS_MAX = 0xffff;

export interface ChannelFields {
  readonly id: number;
  readonly schema: number;
  readonly topic: string;
  readonly encoding: string;
  readonly metadata: ReadonlyMap<string, string>;
}

export function readChannelFields(content: Buffer): ChannelFields {
  const fields = new Fields(content);
  return { id: fields.u16(), schema: fields.u16(), topic: fields.text(), encoding: fields.text(), metadata: fields.map() };
}

const channelContent = ({ id, schema, topic, encoding, metadata }: ChannelFields): Buffer =>
  Buffer.concat([u16(id), u16(schema), text(topic), text(encoding), map(metadata)]);

/** While packing: the number in the file of every channel, known by all that was said about it. */
export class ChannelNumbers {
  private readonly numbers = new Map<string, number>();

  /** The channel's record as it is in the packed file. */
  packed(
    reactor: number,
    content: Buffer,
    schema: Buffer | undefined,
  ): { id: number; content: Buffer; schema: Buffer | undefined; topic: string } {
    const id = this.numberOf(`${reactor} ${content.toString('latin1')} ${schema?.toString('latin1')}`);
    const fields = readChannelFields(content);
    const origin: [string, string][] = [
      [`${PACK_PREFIX}reactor`, String(reactor)],
      [`${PACK_PREFIX}channel`, String(fields.id)],
      [`${PACK_PREFIX}schema`, String(fields.schema)],
    ];
    const packed = {
      ...fields,
      id,
      schema: schema === undefined ? 0 : id,
      topic: `r${reactor}/${fields.topic}`,
      metadata: new Map([...fields.metadata, ...origin]),
    };
    return { id, topic: fields.topic, content: channelContent(packed), schema: schema && Buffer.concat([u16(id), schema.subarray(2)]) };
  }

  private numberOf(key: string): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    if (this.numbers.size === CHANNELS_MAX) throw tooManyChannels(CHANNELS_MAX);
    this.numbers.set(key, this.numbers.size + 1);
    return this.numbers.size;
  }
}

/** While unpacking: the channel as it was in its segment. */
export function original(packed: ChannelFields): { id: number; schema: number; content: Buffer } {
  const number = (key: string) => Number(packed.metadata.get(`${PACK_PREFIX}${key}`) ?? 0) & 0xffff;
  const [id, schema] = [number('channel'), number('schema')];
  const metadata = new Map([...packed.metadata].filter(([key]) => !key.startsWith(PACK_PREFIX)));
  return { id, schema, content: channelContent({ ...packed, id, schema, topic: packed.topic.replace(/^r\d+\//, ''), metadata }) };
}
