// The fewest events that end in the recorded crash, or after which an expression is true: replays without more and more of the others,
// as long as that still comes about (delta debugging: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002).

import { Replayer } from '../replay/replayer';
import { type Asking } from './asking';
import { cancelled, notReproduced } from './errors';
import { compiled } from './expressions';
import { type Range, type Stretch } from './range';
import { isRecordedCrash, spelled } from './what-if';

const LEAST_PATIENCE_MS = 2000;
/** Times what the replay of all events takes. */
const PATIENCE = 4;

export interface Reduced {
  /** Of so many. */
  readonly of: number;
  /** Event numbers, rising. */
  readonly needed: readonly number[];
  readonly replays: number;
  /** Without any one of them it does not come about; not known when the search was ended early. */
  readonly minimal: boolean;
}

export interface Reducing extends Omit<Asking, 'onProgress'> {
  /** What the events bring about: a C++ expression that is true after one of them; the recorded crash if there is none. */
  readonly expression?: string | undefined;
  /** Ends the search with what it has found. */
  enough(): boolean;
  onProgress(needed: number, replays: number): void;
}

export async function reduce(asked: Range, reducing: Reducing): Promise<Reduced> {
  const range = { ...asked, from: Math.max(asked.from, lastDiscontinuity(asked)) };
  const { expression, gdb } = reducing;
  const code = expression === undefined ? undefined : await compiled(range, expression, gdb);
  const trials = new Trials(range, reducing, code);
  try {
    return await search(trials, range, reducing);
  } finally {
    await trials.end();
  }
}

/** What was before it makes no difference. */
function lastDiscontinuity({ recording, reactor, from, to }: Range): number {
  const snapshots = recording.snapshots(reactor.id).filter(({ position, discontinuity }) => discontinuity && position <= to);
  return snapshots.at(-1)?.position ?? from;
}

async function search(trials: Trials, { recording, reactor, from }: Range, { expression, enough, onProgress }: Reducing): Promise<Reduced> {
  const { end } = recording.log(reactor.id);
  let needed = Array.from({ length: end - from }, (_, i) => from + i);
  if (!(await trials.comesAbout(needed))) throw notReproduced(expression);
  const leaveOut = async (size: number) => {
    for (let at = 0; at < needed.length && !enough();) {
      const fewer = [...needed.slice(0, at), ...needed.slice(at + size)];
      if (await trials.comesAbout(fewer)) needed = fewer;
      else at += size;
      onProgress(needed.length, trials.count);
    }
  };
  for (let size = needed.length >> 1; size > 1 && !enough(); size >>= 1) await leaveOut(size);
  let before: number;
  do {
    before = needed.length;
    await leaveOut(1);
  } while (needed.length < before && !enough());
  return { of: end - from, needed, replays: trials.count, minimal: !enough() };
}

/** One replay after the other. A crash ends a replayer, so that the next one is started ahead. */
class Trials {
  count = 0;
  private current: Replayer;
  private next: Replayer | undefined;
  /** Of the first one, which has all events. */
  private longest: number | undefined;

  constructor(
    private readonly range: Range,
    private readonly reducing: Reducing,
    /** Of the expression. */
    private readonly code: string | undefined,
  ) {
    this.current = this.start();
  }

  async comesAbout(events: readonly number[]): Promise<boolean> {
    if (this.reducing.signal?.aborted === true) throw cancelled();
    this.count++;
    this.next ??= this.start();
    const { recording, reactor, from } = this.range;
    this.current.suppose(spelled({ without: others(events, from, recording.log(reactor.id).end), payloads: new Map() }));
    return this.withinReason(() => (this.code === undefined ? this.crashes() : this.isTrue(this.code)));
  }

  async end(): Promise<void> {
    this.current.kill();
    this.next?.kill();
    await Promise.all([this.current.quit(), this.next?.quit()]);
  }

  /** Where an event is missing, react() may wait for it in a loop: that is another outcome. */
  private async withinReason(trial: () => Promise<boolean>): Promise<boolean> {
    const begun = performance.now();
    let isEndless = false;
    const end = () => {
      isEndless = true;
      this.current.kill();
    };
    const timer = this.longest === undefined ? undefined : setTimeout(end, Math.max(LEAST_PATIENCE_MS, PATIENCE * this.longest));
    try {
      return await trial();
    } catch (error) {
      if (!isEndless) throw error;
      await this.replace();
      return false;
    } finally {
      clearTimeout(timer);
      this.longest ??= performance.now() - begun;
    }
  }

  private async crashes(): Promise<boolean> {
    const { recording, reactor } = this.range;
    const how = await this.current.run(recording.log(reactor.id).end);
    if (how.event === 'crash') await this.replace();
    return isRecordedCrash(recording, reactor.id, how);
  }

  private async isTrue(code: string): Promise<boolean> {
    const { from, to } = this.range;
    for await (const report of this.current.query(`find ${code} ${from} ${to} 1`)) {
      if (report.event === 'crash') await this.replace();
      else if (report.event === 'answer') return report.count > 0;
    }
    return false;
  }

  private async replace(): Promise<void> {
    await this.current.quit();
    this.current = this.next ?? this.start();
    this.next = undefined;
  }

  private start(): Replayer {
    const { recording, reactor, program } = this.range;
    const replayer = Replayer.start(recording, { reactor: reactor.id, program, force: this.reducing.force });
    replayer.ready().catch(() => undefined); // its first command says why there is none
    return replayer;
  }
}

/** All of `from` to `to` that are not among the events. */
export function others(events: readonly number[], from: number, to: number): Stretch[] {
  const stretches: Stretch[] = [];
  let begin = from;
  for (const event of [...events, to]) {
    if (event > begin) stretches.push({ from: begin, to: event });
    begin = event + 1;
  }
  return stretches;
}
