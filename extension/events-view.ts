// The events of one recording: the one opened last, or the one of the active session. They are listed in Afterimage's own
// container, and during a session beside the variables, too: going through events while watching variables is the point.
// A filter belongs to the recording that is shown, and is asked anew when that is read again.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { openRecording, type Recording } from '../debug-adapter/recording';
import { type EventFilter } from './event-filter';
import { type EventNode, EventTree } from './event-tree';
import { askForFilter } from './filter-input';
import { filtered, type Filtering, replayOf } from './filtering';
import { showError, showWarning } from './messages';
import type { Timelines } from './timelines';

const VIEW_IDS = ['afterimage.events', 'afterimage.sessionEvents'];

export class EventsView implements vscode.Disposable {
  private recording: Recording | undefined;
  /** The filter that is applied, or about to be; and what is shown of it. */
  private filter: EventFilter | undefined;
  private filtering: Filtering | undefined;
  private readonly tree: EventTree;
  private readonly views: readonly vscode.TreeView<EventNode>[];
  private readonly showing = new vscode.EventEmitter<void>();
  /** Another recording is shown, or the same was read again. */
  readonly onDidShow = this.showing.event;
  private readonly subscriptions: readonly vscode.Disposable[];

  constructor(private readonly timelines: Timelines) {
    this.tree = new EventTree(timelines);
    this.views = VIEW_IDS.map((id) => vscode.window.createTreeView(id, { treeDataProvider: this.tree, showCollapseAll: true }));
    this.subscriptions = [
      ...this.views,
      this.showing,
      ...this.views.map((view) => view.onDidChangeVisibility(() => this.follow())),
      timelines.onDidMove(() => this.follow()),
      vscode.commands.registerCommand('afterimage.refreshEvents', () => this.refresh()),
      vscode.commands.registerCommand('afterimage.filterEvents', () => this.askForFilter()),
      vscode.commands.registerCommand('afterimage.showAllEvents', () => this.recording && this.show(this.recording)),
    ];
  }

  get shown(): Recording | undefined {
    return this.recording;
  }

  /** Throws a UserError when the folder cannot be read as a recording. */
  open(directory: string): void {
    const opened = openRecording(directory);
    this.recording?.close();
    this.recording = opened;
    for (const view of this.views) view.description = path.basename(opened.directory, '.afterimage');
    this.show(opened);
    this.showing.fire();
    warnOf(opened.problems);
  }

  placeOf({ reactor, list, range }: EventNode): { recording: string; reactor: number; event: number } {
    return { recording: this.recording!.directory, reactor: reactor.id, event: list.eventAt(range.from) };
  }

  dispose(): void {
    this.recording?.close();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async refresh(): Promise<void> {
    const { recording, filter } = this;
    if (!recording) return;
    this.tryToOpen(recording.directory);
    if (filter) await this.apply(filter);
  }

  private async askForFilter(): Promise<void> {
    const { recording } = this;
    if (!recording) return showError(new Error('Open a recording first: the command is "Afterimage: Open Recording...".'));
    const types = recording.reactors.flatMap(({ id }) => recording.log(id).types.map(({ name }) => name));
    const canReplay = replayOf(recording, this.timelines) !== undefined;
    const filter = await askForFilter([...new Set(types)].sort(), this.filter, canReplay);
    if (filter) await this.apply(filter);
  }

  /** Whoever applies another filter meanwhile, or opens another recording, has the last word. */
  private async apply(filter: EventFilter): Promise<void> {
    const { recording } = this;
    if (!recording) return;
    this.filter = filter;
    const isWanted = () => this.recording === recording && this.filter === filter;
    try {
      const filtering = await this.withProgress(() => filtered(recording, filter, this.timelines));
      if (isWanted()) this.show(recording, filtering);
    } catch (error) {
      if (!isWanted()) return;
      showError(error);
      this.filter = this.filtering?.filter;
    }
  }

  private withProgress<T>(work: () => Promise<T>): Thenable<T> {
    const view = this.views.find(({ visible }) => visible) === this.views[1] ? VIEW_IDS[1]! : VIEW_IDS[0]!;
    return vscode.window.withProgress({ location: { viewId: view } }, work);
  }

  private show(recording: Recording, filtering?: Filtering): void {
    this.filtering = filtering;
    this.filter = filtering?.filter;
    const sentences = [...(filtering ? [filtering.sentence] : []), ...recording.problems, ...(recording.imported?.sentences ?? [])];
    for (const view of this.views) view.message = sentences.join('\n');
    void vscode.commands.executeCommand('setContext', 'afterimage.isFiltered', filtering !== undefined);
    this.tree.show(recording, filtering?.matches);
    this.mark();
  }

  /** Shows the active session's recording, with the mark at its event. */
  private follow(): void {
    const timeline = this.timelines.active?.timeline;
    if (timeline && timeline.recording !== this.recording?.directory) this.tryToOpen(timeline.recording);
    else this.mark();
  }

  private mark(): void {
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
