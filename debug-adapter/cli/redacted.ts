// What it means for a recording that payloads in it were overwritten when it was packed (FORMAT.md §9).

import { type ReactorInfo, type Recording, type Redaction } from '../recording';

/** `shop::Order (customer, hash), shop::Cancel (bytes, zero)` */
export function redactedParts({ rules, inputs }: Redaction): string {
  const parts = rules.map(({ type, fields, how }) => `${type} (${fields === undefined ? 'bytes' : fields.join(', ')}, ${how})`);
  return [...parts, ...(inputs === undefined ? [] : [`inputs (${inputs})`]), 'registers of the crash'].join('; ');
}

/** The first event that a replay does not get as the program got it; `undefined` when there is none before `end`. */
export function firstRedacted(recording: Recording, reactor: ReactorInfo, end: number): number | undefined {
  const { redaction } = recording.manifest;
  if (redaction === undefined) return undefined;
  const log = recording.log(reactor.id);
  if (redaction.inputs !== undefined) return log.first < end ? log.first : undefined;
  const types = new Set(redaction.rules.map(({ type }) => type));
  for (const event of log.events(log.first, end - log.first)) if (types.has(event.type.name)) return event.number;
  return undefined;
}
