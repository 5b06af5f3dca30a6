// Starts the debug adapter: a Node program of its own, which talks to us over its standard input and output.
import * as path from 'node:path';
import * as vscode from 'vscode';

export class AdapterFactory implements vscode.DebugAdapterDescriptorFactory {
  private readonly main: string;

  constructor(context: vscode.ExtensionContext) {
    this.main = path.join(context.extensionPath, 'dist', 'debug-adapter', 'main.js');
  }

  // The extension host's own executable is the one Node that is certainly installed: on the desktop it is VS Code
  // itself, which turns into a plain Node with ELECTRON_RUN_AS_NODE.
  createDebugAdapterDescriptor(): vscode.DebugAdapterDescriptor {
    return new vscode.DebugAdapterExecutable(process.execPath, [this.main], { env: { ELECTRON_RUN_AS_NODE: '1' } });
  }
}
