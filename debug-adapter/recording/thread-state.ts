// What react() has of the thread that runs it, as snapshots and inputs tell it (FORMAT.md, Thread state).

const VERSION = 1;
const HEAD_BYTES = 16;
const BLOCK_HEAD_BYTES = 16;

export interface ThreadState {
  /** Rounding, flushing and masks of SSE arithmetic. */
  readonly mxcsr: number;
  readonly x87Control: number;
  /** Thread-local variables, by the module whose they are. */
  readonly variables: readonly { readonly module: bigint; readonly bytes: number }[];
}

/** `undefined` when the bytes do not hold what they say, or are of another version. */
export function readThreadState(bytes: Buffer): ThreadState | undefined {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(0) !== VERSION) return undefined;
  const variables: { module: bigint; bytes: number }[] = [];
  const blocks = bytes.readUInt32LE(12);
  for (let i = 0, at = HEAD_BYTES; i < blocks; i++) {
    if (bytes.length - at < BLOCK_HEAD_BYTES) return undefined;
    const size = Number(bytes.readBigUInt64LE(at + 8));
    if (size > bytes.length - at - BLOCK_HEAD_BYTES) return undefined;
    variables.push({ module: bytes.readBigUInt64LE(at), bytes: size });
    at += BLOCK_HEAD_BYTES + Math.ceil(size / 8) * 8;
  }
  return { mxcsr: bytes.readUInt32LE(4), x87Control: bytes.readUInt16LE(8), variables };
}

/** The names of the C and of the C++ locale. */
export function readLocale(bytes: Buffer): { readonly c: string; readonly cpp: string } | undefined {
  const [c, cpp, ...rest] = bytes.toString('utf8').split('\0');
  return c === undefined || cpp === undefined || rest.length === 0 ? undefined : { c, cpp };
}
