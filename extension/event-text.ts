// One event in words: its row in the events view, and its payload as the tooltip.
import type { ReactorInfo, RecordedEvent } from '../debug-adapter/recording';

const SHOWN_BYTES = 256;

/** "Flight, 1.2 µs": type, and how long `react()` took. */
export function describeEvent(event: RecordedEvent, { crashEvent, finished }: Pick<ReactorInfo, 'crashEvent' | 'finished'>): string {
  if (event.number === crashEvent) return `${event.type.name}, crashed`;
  if (!event.done) return event.number < finished ? event.type.name : `${event.type.name}, not finished`; // a core does not say how long
  return `${event.type.name}, ${describeDuration(event.done.durationNs)}${event.done.threw ? ', threw' : ''}`;
}

/** Time, value if it is known, and bytes of an event, as Markdown. */
export function describePayload(event: RecordedEvent, value?: string): string {
  const shown = event.payload.subarray(0, SHOWN_BYTES);
  const rest = event.payload.length - shown.length;
  const heading = `**${event.type.name}** · ${event.payload.length} bytes · ${describeTime(event.timeNs)}`;
  const typed = value === undefined ? '' : `\n\n\`\`\`cpp\n${value}\n\`\`\``;
  return `${heading}${typed}\n\n\`\`\`text\n${hexDump(shown)}${rest > 0 ? `\n... ${rest} bytes more` : ''}\n\`\`\``;
}

export function describeDuration(ns: number): string {
  if (ns < 1_000) return `${ns} ns`;
  if (ns < 1_000_000) return `${(ns / 1_000).toPrecision(3)} µs`;
  return `${(ns / 1_000_000).toPrecision(3)} ms`;
}

export function describeTime(ns: bigint): string {
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0');
  return new Date(Number(ns / 1_000_000n))
    .toISOString()
    .replace(/\.\d+Z$/, `.${fraction} UTC`)
    .replace('T', ' ');
}

/** Sixteen bytes a line: offset, hexadecimal, printable characters. */
export function hexDump(bytes: Buffer): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const line = bytes.subarray(offset, offset + 16);
    const hex = [...line].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...line].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${offset.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}
