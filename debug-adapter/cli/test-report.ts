// How another build behaves on recorded events: pure, from the recording and the replayer's reports.

import { type ReactorInfo, type Recording, signalName } from '../recording';
import { type Crash, type Divergence, type Stopped, type Warning } from '../replay/reports';

export interface TestResult {
  /** It crashed in the constructor. */
  readonly inConstruction: boolean;
  /** Differences up to this one were made by the constructor. */
  readonly differencesOfConstruction: number;
  readonly end: Stopped | Crash;
  readonly divergences: readonly Divergence[];
  readonly warnings: readonly Warning[];
}

export type TestReport = ReturnType<typeof testReport>;

/** Asked for, but not recorded: the test goes on with what the machine says now. No output by itself. */
const isInput = ({ kind }: Divergence) => kind === 'input' || kind === 'denied';

export function testReport(recording: Recording, reactor: ReactorInfo, result: TestResult) {
  const { end, divergences } = result;
  const differences = divergences.map(({ event: _, cause: __, ...difference }, i) => ({
    ...difference,
    eventNumber: i < result.differencesOfConstruction ? null : difference.eventNumber,
  }));
  const crash = end.event === 'crash' ? { event: result.inConstruction ? null : end.eventNumber, signal: signalName(end.signal) } : null;
  const outputs = differences.filter((_, i) => !isInput(divergences[i]!));
  return {
    reactor: reactor.id,
    name: reactor.name,
    events: end.event === 'crash' ? end.eventNumber : end.position,
    outputs,
    inputs: differences.filter((_, i) => isInput(divergences[i]!)),
    warnings: result.warnings.map(({ event: _, ...warning }) => warning),
    recordedCrash: recordedCrash(recording, reactor),
    crash,
    passed: crash === null && outputs.length === 0,
  };
}

/** Of this reactor: others may only have been delivering to it. */
function recordedCrash(recording: Recording, reactor: ReactorInfo) {
  if (recording.state !== 'crashed' || recording.crashedReactor()?.id !== reactor.id || reactor.crashEvent === undefined) return null;
  return { event: reactor.crashEvent, signal: recording.crash?.signalName ?? null };
}
