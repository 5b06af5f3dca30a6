// What the user reads when something fails: one or two sentences, never a stack trace.
import * as vscode from 'vscode';

export function showError(error: unknown): void {
  void vscode.window.showErrorMessage(`Afterimage: ${messageOf(error)}`);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
