export { check, type CheckRequest, type Report } from './check';
export { type Group, type Issue, type Severity } from './issue';
