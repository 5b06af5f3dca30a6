// The events of one recording: the one opened last, or the one of the active session. They are listed in Afterimage's own
// container, and during a session beside the variables, too: going through events while watching variables is the point.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { openRecording, type Recording } from '../debug-adapter/recording';
import { type EventNode, EventTree } from './event-tree';
import { showError, showWarning } from './messages';
import type { Timelines } from './timelines';

const VIEW_IDS = ['afterimage.events', 'afterimage.sessionEvents'];

export class EventsView implements vscode.Disposable {
  private recording: Recording | undefined;
  private readonly tree: EventTree;
  private readonly views: readonly vscode.TreeView<EventNode>[];
  private readonly subscriptions: readonly vscode.Disposable[];

  constructor(private readonly timelines: Timelines) {
    this.tree = new EventTree(timelines);
    this.views = VIEW_IDS.map((id) => vscode.window.createTreeView(id, { treeDataProvider: this.tree, showCollapseAll: true }));
    this.subscriptions = [
      ...this.views,
      ...this.views.map((view) => view.onDidChangeVisibility(() => this.follow())),
      timelines.onDidMove(() => this.follow()),
      vscode.commands.registerCommand('afterimage.refreshEvents', () => this.recording && this.tryToOpen(this.recording.directory)),
    ];
  }

  /** Throws a UserError when the folder cannot be read as a recording. */
  open(directory: string): void {
    const opened = openRecording(directory);
    this.recording?.close();
    this.recording = opened;
    for (const view of this.views) {
      view.description = path.basename(opened.directory, '.afterimage');
      view.message = [...opened.problems, ...(opened.imported?.sentences ?? [])].join('\n');
    }
    this.tree.show(opened);
    warnOf(opened.problems);
  }

  dispose(): void {
    this.recording?.close();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** Shows the active session's recording, with the mark at its event. */
  private follow(): void {
    const timeline = this.timelines.active?.timeline;
    if (timeline && timeline.recording !== this.recording?.directory) this.tryToOpen(timeline.recording);
    const node = this.tree.moveMark();
    for (const view of node ? this.views : []) this.reveal(view, node!);
  }

  /** To reveal a row opens its view: not while it is hidden, nor when the row was just clicked and the user may have gone on. */
  private reveal(view: vscode.TreeView<EventNode>, node: EventNode): void {
    if (view.visible && view.selection[0] !== node) void view.reveal(node, { select: true, focus: false });
  }

  private tryToOpen(directory: string): void {
    try {
      this.open(directory);
    } catch (error) {
      showError(error);
    }
  }
}

function warnOf([first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  showWarning(others.length === 0 ? first : `${first} The view "Events" lists ${others.length} more.`);
}
