// The events view: the reactors of the open recording, and their events in ranges that are read when they are opened.
// It needs the recording only; a session adds the mark at the event it stands at.
import * as vscode from 'vscode';
import * as z from 'zod';
import type { ReactorInfo, RecordedEvent, Recording } from '../debug-adapter/recording';
import { childWith, childrenOf, contains, type EventRange, formatCount, isEvent, labelOf } from './event-ranges';
import { describeEvent, describePayload } from './event-text';
import { messageOf } from './messages';
import type { Timelines } from './timelines';

/** A row. VS Code knows rows by identity, so each is made once and kept in `nodes`. */
export interface EventNode {
  readonly reactor: ReactorInfo;
  readonly range: EventRange;
  readonly parent: EventNode | undefined;
}

export class EventTree implements vscode.TreeDataProvider<EventNode> {
  private recording: Recording | undefined;
  private roots: EventNode[] = [];
  private readonly nodes = new Map<string, EventNode>();
  private marked: EventNode | undefined;
  private readonly changed = new vscode.EventEmitter<EventNode | undefined>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly timelines: Timelines) {}

  show(recording: Recording | undefined): void {
    this.nodes.clear();
    this.marked = undefined;
    this.recording = recording;
    this.roots = recording ? recording.reactors.map((reactor) => this.root(recording, reactor)) : [];
    this.changed.fire(undefined);
  }

  getChildren(parent?: EventNode): EventNode[] {
    if (!parent) return this.roots;
    return childrenOf(parent.range).map((range) => this.node(parent, range));
  }

  getParent(node: EventNode): EventNode | undefined {
    return node.parent;
  }

  getTreeItem(node: EventNode): vscode.TreeItem {
    if (!node.parent) return this.reactorItem(node);
    return isEvent(node.range) ? this.eventItem(node) : this.rangeItem(node);
  }

  /** The payload is shown when the mouse rests on an event; only then is it worth reading. */
  async resolveTreeItem(item: vscode.TreeItem, node: EventNode): Promise<vscode.TreeItem> {
    if (node.parent && isEvent(node.range)) {
      const value = await this.payloadValue(node);
      item.tooltip = new vscode.MarkdownString(this.tryToDescribe(node, (event) => describePayload(event, value)));
    }
    return item;
  }

  /** A session knows the C++ type. */
  private async payloadValue({ reactor, range }: EventNode): Promise<string | undefined> {
    const session = this.timelines.sessionOf(this.recording!.directory, reactor.id);
    try {
      const answer: unknown = await session?.customRequest('afterimage.payload', { event: range.from });
      return z.object({ text: z.string() }).parse(answer).text;
    } catch {
      return undefined; // the bytes are shown in any case
    }
  }

  /** Moves the mark to where the active session stands, and returns its row if the session belongs to this recording. */
  moveMark(): EventNode | undefined {
    const previous = this.marked;
    this.marked = this.currentNode();
    for (const node of new Set([previous, this.marked])) {
      if (node) this.changed.fire(node);
    }
    return this.marked;
  }

  private currentNode(): EventNode | undefined {
    const timeline = this.timelines.active?.timeline;
    if (!timeline || timeline.recording !== this.recording?.directory) return undefined;
    let node = this.roots.find((root) => root.reactor.id === timeline.reactor);
    if (!node || !contains(node.range, timeline.position)) return undefined;
    while (!node.parent || !isEvent(node.range)) node = this.node(node, childWith(node.range, timeline.position));
    return node;
  }

  /** A reactor's log is indexed when its events are first asked for: there may be thousands of reactors. */
  private root(recording: Recording, reactor: ReactorInfo): EventNode {
    let range: EventRange | undefined;
    const readRange = (): EventRange => {
      const { first, end } = recording.log(reactor.id);
      return { from: first, end };
    };
    return {
      reactor,
      parent: undefined,
      get range() {
        return (range ??= readRange());
      },
    };
  }

  private node(parent: EventNode, range: EventRange): EventNode {
    const key = idOf(parent.reactor, range);
    const known = this.nodes.get(key);
    if (known) return known;
    const made = { reactor: parent.reactor, range, parent };
    this.nodes.set(key, made);
    return made;
  }

  private reactorItem({ reactor }: EventNode): vscode.TreeItem {
    const isOnly = this.roots.length === 1;
    const item = new vscode.TreeItem(reactor.name, vscode.TreeItemCollapsibleState[isOnly ? 'Expanded' : 'Collapsed']);
    item.id = `reactor-${reactor.id}`;
    item.description = `${reactor.type}, ${formatCount(reactor.started)} events`;
    item.iconPath = reactor.crashEvent === undefined ? new vscode.ThemeIcon('symbol-class') : crashIcon();
    return item;
  }

  private rangeItem({ reactor, range }: EventNode): vscode.TreeItem {
    const item = new vscode.TreeItem(labelOf(range), vscode.TreeItemCollapsibleState.Collapsed);
    item.id = idOf(reactor, range);
    if (reactor.crashEvent !== undefined && contains(range, reactor.crashEvent)) item.description = 'has the crash';
    return item;
  }

  private eventItem(node: EventNode): vscode.TreeItem {
    const { reactor, range } = node;
    const crashed = reactor.crashEvent === range.from;
    const item = new vscode.TreeItem(labelOf(range));
    item.id = idOf(reactor, range);
    item.description = this.tryToDescribe(node, (event) => describeEvent(event, reactor));
    item.iconPath = node === this.marked ? hereIcon() : crashed ? crashIcon() : new vscode.ThemeIcon('circle-small');
    item.command = {
      command: 'afterimage.goToEvent',
      title: 'Go to Event',
      arguments: [{ recording: this.recording!.directory, reactor: reactor.id, event: range.from }],
    };
    return item;
  }

  /** A damaged recording has holes: there the reason takes the place of the event. */
  private tryToDescribe(node: EventNode, describe: (event: RecordedEvent) => string): string {
    try {
      return describe(this.recording!.log(node.reactor.id).event(node.range.from));
    } catch (error) {
      return messageOf(error);
    }
  }
}

const idOf = (reactor: ReactorInfo, range: EventRange): string => `${reactor.id}:${range.from}-${range.end}`;

const crashIcon = (): vscode.ThemeIcon => new vscode.ThemeIcon('error', new vscode.ThemeColor('errorForeground'));

const hereIcon = (): vscode.ThemeIcon => new vscode.ThemeIcon('debug-stackframe', new vscode.ThemeColor('debugIcon.continueForeground'));
