// Which recording is meant: those of the workspace (folders `*.afterimage` with a manifest), or one chosen by folder.
import * as path from 'node:path';
import * as vscode from 'vscode';

const MOST_RECORDINGS = 200;

/** Newest first: a recording's name carries the time at which the program was started. */
export async function findRecordings(folder?: vscode.WorkspaceFolder): Promise<string[]> {
  const pattern = '**/*.afterimage/manifest.json';
  const inFolder = folder ? new vscode.RelativePattern(folder, pattern) : pattern;
  const manifests = await vscode.workspace.findFiles(inFolder, '**/node_modules/**', MOST_RECORDINGS);
  return manifests.map((manifest) => path.dirname(manifest.fsPath)).sort((a, b) => startOf(b).localeCompare(startOf(a)));
}

/** The workspace's only recording, without a question; otherwise the user's choice. */
export async function onlyRecording(folder?: vscode.WorkspaceFolder): Promise<string | undefined> {
  const recordings = await findRecordings(folder);
  return recordings.length === 1 ? recordings[0] : choose(recordings);
}

export async function askForRecording(): Promise<string | undefined> {
  return choose(await findRecordings());
}

async function choose(recordings: string[]): Promise<string | undefined> {
  if (recordings.length === 0) return browse();
  const elsewhere = { label: '$(folder-opened) Another Folder...', recording: undefined };
  const items = recordings.map((recording) => ({
    label: path.basename(recording),
    description: vscode.workspace.asRelativePath(path.dirname(recording)),
    recording,
  }));
  const chosen = await vscode.window.showQuickPick([...items, elsewhere], { placeHolder: 'Recording to open' });
  return chosen === elsewhere ? browse() : chosen?.recording;
}

async function browse(): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: 'Open Recording: choose a folder NAME.afterimage',
    openLabel: 'Open Recording',
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return chosen?.[0]?.fsPath;
}

/** `20261122-150702` of `flight-board-20261122-150702-4711.afterimage`. */
function startOf(recording: string): string {
  return /\d{8}-\d{6}/.exec(path.basename(recording))?.[0] ?? '';
}
