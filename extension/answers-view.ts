// The answers of this session, the newest first, beside the variables. A click on an event goes there; a click on the question goes
// back to where it was asked.
import * as vscode from 'vscode';
import type { Answer, AnswerRow } from './answers';
import { grouped } from '../debug-adapter/recording';

/** Where a question was asked. */
export interface Origin {
  readonly recording: string;
  readonly reactor: number;
  readonly event: number;
}

interface AnswerNode {
  readonly answer: Answer;
  readonly origin: Origin;
  readonly icon: string;
}

interface RowNode {
  readonly row: AnswerRow;
  readonly of: AnswerNode;
}

type Node = AnswerNode | RowNode;

export class AnswersView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private answers: AnswerNode[] = [];
  /** Added while the view was hidden: it opens for the row, but can select it only when it has read its rows once more. */
  private newest: AnswerNode | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  readonly onDidChange = this.changed.event;
  private readonly view: vscode.TreeView<Node>;
  private readonly subscriptions: readonly vscode.Disposable[];

  constructor() {
    this.view = vscode.window.createTreeView<Node>('afterimage.answers', { treeDataProvider: this });
    this.subscriptions = [
      this.view,
      this.changed,
      this.view.onDidChangeVisibility(() => this.newest && this.changed.fire()),
      vscode.commands.registerCommand('afterimage.clearAnswers', () => this.clear()),
    ];
  }

  /** Shows an answer, opened, and the view if it is hidden. */
  add(answer: Answer, icon: string, origin: Origin): void {
    const node = { answer, origin, icon };
    this.answers = [node, ...this.answers];
    this.changed.fire();
    if (!this.view.visible) this.newest = node;
    void this.reveal(node);
  }

  /** The events of a reactor that are in answers. */
  eventsOf(recording: string, reactor: number): number[] {
    const about = this.answers.filter(({ origin }) => origin.recording === recording && origin.reactor === reactor);
    const events = about.flatMap(({ answer }) => answer.rows.map(({ event }) => event));
    return [...new Set(events)].filter((event) => event !== undefined);
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) return this.read();
    return isAnswer(node) ? node.answer.rows.map((row) => ({ row, of: node })) : [];
  }

  getParent(node: Node): Node | undefined {
    return isAnswer(node) ? undefined : node.of;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return isAnswer(node) ? answerItem(node) : rowItem(node);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private read(): Node[] {
    const { newest } = this;
    if (newest !== undefined && this.view.visible) {
      this.newest = undefined;
      setImmediate(() => void this.reveal(newest));
    }
    return this.answers;
  }

  private reveal(node: AnswerNode): Thenable<void> {
    return this.view.reveal(node, { select: true, focus: false, expand: true });
  }

  private clear(): void {
    this.answers = [];
    this.changed.fire();
  }
}

const isAnswer = (node: Node): node is AnswerNode => 'answer' in node;

function answerItem({ answer, origin, icon }: AnswerNode): vscode.TreeItem {
  const { None, Expanded } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(answer.question, answer.rows.length === 0 ? None : Expanded);
  item.description = answer.faithful ? answer.summary : `${answer.summary}; the replay differs from the recording`;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.tooltip = `${answer.question}: ${item.description}.\nAsked at event ${grouped(origin.event)}: click to go back there`;
  item.accessibilityInformation = { label: `${answer.question}, ${answer.summary}` };
  item.command = goTo(origin, origin.event);
  return item;
}

function rowItem({ row, of }: RowNode): vscode.TreeItem {
  const item = new vscode.TreeItem(row.label);
  item.description = row.description;
  item.accessibilityInformation = { label: `${row.label} ${row.description}` };
  if (row.event === undefined) return item;
  item.iconPath = new vscode.ThemeIcon('circle-small');
  item.tooltip = `Go to event ${grouped(row.event)}`;
  item.command = goTo(of.origin, row.event);
  return item;
}

const goTo = ({ recording, reactor }: Origin, event: number): vscode.Command => ({
  command: 'afterimage.goToEvent',
  title: 'Go to Event',
  arguments: [{ recording, reactor, event }],
});
