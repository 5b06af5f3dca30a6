// The events view: the reactors of the open recording, and their events in ranges that are read when they are opened.
// It needs the recording only; a session adds the mark at the event it stands at, a filter leaves out events.
import * as vscode from 'vscode';
import * as z from 'zod';
import type { ReactorInfo, RecordedEvent, Recording } from '../debug-adapter/recording';
import { describeMatches, listed, type Matches } from './event-filter';
import { allEvents, type EventList, labelIn, someEvents } from './event-list';
import { childWith, childrenOf, contains, type EventRange, isEvent } from './event-ranges';
import { describeEvent, describePayload } from './event-text';
import { messageOf } from './messages';
import type { Timelines } from './timelines';
import { grouped } from '../debug-adapter/recording';

/** A row. VS Code knows rows by identity, so each is made once and kept in `nodes`. */
export interface EventNode {
  readonly reactor: ReactorInfo;
  readonly list: EventList;
  /** Places in the list. */
  readonly range: EventRange;
  readonly parent: EventNode | undefined;
}

export class EventTree implements vscode.TreeDataProvider<EventNode> {
  private recording: Recording | undefined;
  private matches: ReadonlyMap<number, Matches> | undefined;
  /** VS Code keeps what is open by id; another filter makes other rows. */
  private generation = 0;
  private roots: EventNode[] = [];
  private readonly nodes = new Map<string, EventNode>();
  private marked: EventNode | undefined;
  private readonly changed = new vscode.EventEmitter<EventNode | undefined>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly timelines: Timelines) {}

  /** With a filter, only what it lets through, by reactor. */
  show(recording: Recording | undefined, matches?: ReadonlyMap<number, Matches>): void {
    this.nodes.clear();
    this.marked = undefined;
    if (this.matches !== matches) this.generation += 1;
    this.recording = recording;
    this.matches = matches;
    const reactors = (recording?.reactors ?? []).filter(({ id }) => matches === undefined || matches.has(id));
    this.roots = reactors.map((reactor) => this.root(recording!, reactor));
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
  private async payloadValue({ reactor, list, range }: EventNode): Promise<string | undefined> {
    const session = this.timelines.sessionOf(this.recording!.directory, reactor.id);
    try {
      const answer: unknown = await session?.customRequest('afterimage.payload', { event: list.eventAt(range.from) });
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
    const place = node?.list.placeOf(timeline.position);
    if (!node || place === undefined) return undefined;
    while (!node.parent || !isEvent(node.range)) node = this.node(node, childWith(node.range, place));
    return node;
  }

  /** A reactor's log is indexed when its events are first asked for: there may be thousands of reactors. */
  private root(recording: Recording, reactor: ReactorInfo): EventNode {
    let list: EventList | undefined;
    const matches = this.matches?.get(reactor.id);
    const readList = (): EventList => {
      const { first, end } = recording.log(reactor.id);
      return matches ? someEvents(listed(matches)) : allEvents(first, end);
    };
    return {
      reactor,
      parent: undefined,
      get list() {
        return (list ??= readList());
      },
      get range() {
        return this.list.range;
      },
    };
  }

  private node(parent: EventNode, range: EventRange): EventNode {
    const { reactor, list } = parent;
    const key = this.idOf(reactor, range);
    const known = this.nodes.get(key);
    if (known) return known;
    const made = { reactor, list, range, parent };
    this.nodes.set(key, made);
    return made;
  }

  private reactorItem({ reactor }: EventNode): vscode.TreeItem {
    const isOnly = this.roots.length === 1;
    const item = new vscode.TreeItem(reactor.name, vscode.TreeItemCollapsibleState[isOnly ? 'Expanded' : 'Collapsed']);
    const matches = this.matches?.get(reactor.id);
    item.id = `${this.generation}:reactor-${reactor.id}`;
    item.description = `${reactor.type}, ${matches ? describeMatches([matches]) : `${grouped(reactor.started)} events`}`;
    item.iconPath = reactor.crashEvent === undefined ? new vscode.ThemeIcon('symbol-class') : crashIcon();
    return item;
  }

  private rangeItem({ reactor, list, range }: EventNode): vscode.TreeItem {
    const item = new vscode.TreeItem(labelIn(list, range), vscode.TreeItemCollapsibleState.Collapsed);
    item.id = this.idOf(reactor, range);
    const crash = reactor.crashEvent === undefined ? undefined : list.placeOf(reactor.crashEvent);
    if (crash !== undefined && contains(range, crash)) item.description = 'has the crash';
    return item;
  }

  private eventItem(node: EventNode): vscode.TreeItem {
    const { reactor, list, range } = node;
    const number = list.eventAt(range.from);
    const crashed = reactor.crashEvent === number;
    const item = new vscode.TreeItem(labelIn(list, range));
    item.contextValue = 'event';
    item.id = this.idOf(reactor, range);
    item.description = this.tryToDescribe(node, (event) => describeEvent(event, reactor));
    item.iconPath = node === this.marked ? hereIcon() : crashed ? crashIcon() : new vscode.ThemeIcon('circle-small');
    item.command = {
      command: 'afterimage.goToEvent',
      title: 'Go to Event',
      arguments: [{ recording: this.recording!.directory, reactor: reactor.id, event: number }],
    };
    return item;
  }

  /** A damaged recording has holes: there the reason takes the place of the event. */
  private tryToDescribe({ reactor, list, range }: EventNode, describe: (event: RecordedEvent) => string): string {
    try {
      return describe(this.recording!.log(reactor.id).event(list.eventAt(range.from)));
    } catch (error) {
      return messageOf(error);
    }
  }

  private idOf(reactor: ReactorInfo, range: EventRange): string {
    return `${this.generation}:${reactor.id}:${range.from}-${range.end}`;
  }
}

const crashIcon = (): vscode.ThemeIcon => new vscode.ThemeIcon('error', new vscode.ThemeColor('errorForeground'));

const hereIcon = (): vscode.ThemeIcon => new vscode.ThemeIcon('debug-stackframe', new vscode.ThemeColor('debugIcon.continueForeground'));
