// SIGSEGV under gdb. The replayer lets reads of the time-stamp counter trap, and answers them in its handler (ARCHITECTURE.md, Sandbox),
// so gdb, which hears of every signal first, must not take them for a crash. There are two ways past it:
//
//     while the program runs   it gets its signals. For a crash the handler calls afterimage_crash_ahead(), where we have a breakpoint,
//                              and returns: the instruction faults again, and now gdb stops there
//     while gdb steps          gdb stops at every fault: it would expect the handler to return to the very instruction, and lose
//                              the step. We let the read run as above, leave the calls in which it was made, and step on

import * as mi from '../gdb/commands';
import { type Gdb } from '../gdb/gdb';
import { type MiTuple, miString } from '../gdb/mi-parser';

/** A command that lets the program run. */
export type Command = (gdb: Gdb) => Promise<MiTuple>;

const STEPS_OF_LINES: readonly Command[] = [mi.next, mi.step];
const STEPS_OF_INSTRUCTIONS: readonly Command[] = [mi.nextInstruction, mi.stepInstruction];

export class Faults {
  private crashAhead = '';
  private disposition: 'pass' | 'stop' | undefined;

  constructor(private readonly gdb: Gdb) {}

  async insertHidden(): Promise<void> {
    this.crashAhead = await mi.insertHidden(this.gdb, 'afterimage_crash_ahead');
  }

  /** Lets the program run, until something else than a read of the counter stops it. */
  async carryOut(command: Command): Promise<MiTuple> {
    if (!STEPS_OF_LINES.includes(command) && !STEPS_OF_INSTRUCTIONS.includes(command)) return this.run(command);
    const frame = await mi.innermostFrame(this.gdb);
    for (;;) {
      await this.dispose('stop');
      const stop = await command(this.gdb);
      const behind = isFault(stop) ? await mi.behindTimeStampRead(this.gdb) : undefined;
      if (behind === undefined) return stop;
      const back = await this.backIn(frame, behind);
      if (back.reason !== 'function-finished') return back;
      if (STEPS_OF_INSTRUCTIONS.includes(command)) return { ...back, reason: 'end-stepping-range' };
    }
  }

  private async run(command: Command): Promise<MiTuple> {
    await this.dispose('pass');
    const stop = await command(this.gdb);
    if (this.crashAhead === '' || miString(stop, 'bkptno') !== this.crashAhead) return stop;
    await this.dispose('stop');
    return mi.resume(this.gdb);
  }

  /** Behind the read, in the frame that was stepped in: as if calls below it had just returned. */
  private async backIn(frame: string, behind: bigint): Promise<MiTuple> {
    const stop = await this.run((gdb) => mi.runTo(gdb, behind));
    if (mi.stopFrame(stop)?.address !== behind) return stop;
    const level = await mi.levelOf(this.gdb, frame); // inlined calls count, too, and begin and end between instructions
    return level > 0 ? this.run((gdb) => mi.finishFrame(gdb, level - 1)) : { ...stop, reason: 'function-finished' };
  }

  private async dispose(disposition: 'pass' | 'stop'): Promise<void> {
    if (this.disposition !== disposition) await mi.disposeOfFaults(this.gdb, disposition);
    this.disposition = disposition;
  }
}

const isFault = (stop: MiTuple): boolean => miString(stop, 'reason') === 'signal-received' && miString(stop, 'signal-name') === 'SIGSEGV';
