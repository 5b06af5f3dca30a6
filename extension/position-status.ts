// The status bar's item: at which event the active session stands. A click asks for another one.
import * as vscode from 'vscode';
import type { Timeline, Timelines } from './timelines';
import { grouped } from '../debug-adapter/recording';

export function registerPositionStatus(timelines: Timelines): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('afterimage.position', vscode.StatusBarAlignment.Left, 100);
  item.name = 'Afterimage: Position';
  item.command = 'afterimage.goToEvent';
  return vscode.Disposable.from(
    item,
    timelines.onDidMove(() => update(item, timelines.active?.timeline)),
  );
}

function update(item: vscode.StatusBarItem, timeline: Timeline | undefined): void {
  void vscode.commands.executeCommand('setContext', 'afterimage.hasCrash', timeline?.crashEvent !== undefined);
  if (!timeline) return item.hide();
  item.text = `$(history) ${textOf(timeline)}${timeline.faithful ? '' : ' $(warning)'}`;
  item.tooltip = tooltipOf(timeline);
  item.backgroundColor = timeline.faithful ? undefined : new vscode.ThemeColor('statusBarItem.warningBackground');
  item.show();
}

function tooltipOf({ faithful, level }: Timeline): string {
  if (level === 'events') return 'A core dump without its recording: the state at its end, and the last events. Nothing is replayed.';
  if (level === 'inspect') return 'A core dump: threads, stacks and variables at its end. There are no events, and nothing is replayed.';
  if (faithful) return 'Afterimage: click to go to another event';
  return 'The replay has left the recorded course: what it shows may differ from what happened. The debug console names the first difference.';
}

function textOf({ position, first, end, crashEvent, level }: Timeline): string {
  if (level === 'inspect') return 'core dump, for inspection only';
  if (level === 'events') return `core dump, last events ${grouped(first)} to ${grouped(end - 1)}`;
  if (position >= end) return `after the last event, ${grouped(end)}`;
  return `event ${grouped(position)} of ${grouped(end)}${position === crashEvent ? ', crash' : ''}`;
}
