// Debug configurations: what F5 does without a launch.json, what a new launch.json contains, and what is filled in.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { findRecordings, onlyRecording } from './find-recordings';
import { DEBUG_TYPE } from './timelines';

export class ConfigurationProvider implements vscode.DebugConfigurationProvider {
  async provideDebugConfigurations(folder?: vscode.WorkspaceFolder): Promise<vscode.DebugConfiguration[]> {
    const recordings = await findRecordings(folder);
    if (recordings.length === 0) return [configurationFor('${workspaceFolder}/recordings/NAME.afterimage')];
    return recordings.map((recording) => configurationFor(withFolderVariable(recording, folder)));
  }

  /** F5 without a launch.json comes with an empty configuration; undefined ends it without a word. */
  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const isEmpty = !configuration.type && !configuration.request;
    if (!isEmpty && configuration['recording'] !== undefined) return configuration;
    const recording = await onlyRecording(folder);
    if (recording === undefined) return undefined;
    return { ...configurationFor(recording), ...(isEmpty ? {} : configuration), recording };
  }
}

export function configurationFor(recording: string): vscode.DebugConfiguration {
  return { type: DEBUG_TYPE, request: 'launch', name: `Replay ${path.basename(recording, '.afterimage')}`, recording };
}

/** A launch.json that is checked in must not name the folder of the one who wrote it. */
function withFolderVariable(recording: string, folder: vscode.WorkspaceFolder | undefined): string {
  const inside = folder && path.relative(folder.uri.fsPath, recording);
  return inside && !inside.startsWith('..') ? `\${workspaceFolder}/${inside}` : recording;
}
