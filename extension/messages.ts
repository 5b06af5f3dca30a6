// What the user reads when something is wrong: one or two sentences, never a stack trace.
// VS Code cuts a message without buttons to one line; the button keeps it whole, and adds who says it.
import * as vscode from 'vscode';

const BUTTON = 'OK';

export function showError(error: unknown): void {
  void vscode.window.showErrorMessage(messageOf(error), BUTTON);
}

export function showWarning(message: string): void {
  void vscode.window.showWarningMessage(message, BUTTON);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
