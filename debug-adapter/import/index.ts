// The face of the import: core dumps and minidumps become recordings.

export { importCore, type Imported, type ImportOptions, type Level } from './import';
export { examineSummary } from './summary';
export { latestCore } from './latest';
