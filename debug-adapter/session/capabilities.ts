// What this debug adapter can do. Only what works is announced: clients offer it to the user.

import type { DebugProtocol } from '@vscode/debugprotocol';

export const capabilities: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsEvaluateForHovers: true,
  supportsExceptionInfoRequest: true,
  supportsStepBack: true,
  supportsCancelRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsReadMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsInstructionBreakpoints: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsBreakpointLocationsRequest: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '>', ':'],
  supportsModulesRequest: true,
  supportsRestartRequest: true,
  supportsSteppingGranularity: true,
  supportsTerminateRequest: true,
};
