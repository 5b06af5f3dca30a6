// "Afterimage: Open Recording...": shows a recording's events and starts its replay. From the explorer's menu it comes
// with the folder (or the manifest in it), from the command palette it asks.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { configurationFor } from './configuration';
import type { EventsView } from './events-view';
import { askForRecording } from './find-recordings';
import { showError } from './messages';

export async function openRecordingCommand(view: EventsView, clicked?: vscode.Uri): Promise<void> {
  const recording = clicked ? folderOf(clicked) : await askForRecording();
  if (recording === undefined) return;
  try {
    view.open(recording);
  } catch (error) {
    showError(error);
    return;
  }
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(recording));
  await vscode.debug.startDebugging(folder, configurationFor(recording));
}

function folderOf(clicked: vscode.Uri): string {
  return path.basename(clicked.fsPath) === 'manifest.json' ? path.dirname(clicked.fsPath) : clicked.fsPath;
}
