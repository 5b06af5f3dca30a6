// The face of the reader: everything else in this folder is its own business. No vscode, no native code.

export { type FilePlaces, openRecording, type ReactorInfo, type Recording, type RecordingState } from './recording';
export { type EventLog } from './event-log';
export { type Failure, type Sender, type SentEvent } from './inputs';
export { type EventDone, type EventType, type RecordedEvent } from './event-types';
export { type MadeEvent, madeEvent, ownBytes } from './made';
export { type Load, type SnapshotInfo } from './snapshot';
export { type ThreadState } from './thread-state';
export { type Fidelity, type ImportFile } from './import-file';
export { CONTROL_BYTES, type CrashReport, readControl, type ReactorState } from './control';
export { recordingOfProcess, requestSnapshot } from './snapshot-request';
export { type Manifest, type Module, type Redaction } from './schemas';
export { BoundedFile, reasonOf } from './bounded-file';
export { type ElfImage, type Note, parseNotes, isDynamicProgram, readBuildId, readImage, readSoname } from './elf';
export { UserError } from './errors';
export { counted, grouped, ungrouped } from './numbers';
export { hasFaultAddress, signalMeaning, signalName } from './signals';
// For packing, which copies records as they are.
export { Damage, Fields } from './mcap';
export { InputKind } from './inputs';
export { listSegments, type Segment, SegmentCache } from './segments';
