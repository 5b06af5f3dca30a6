// Where each debug session stands on its timeline: the one source for the events view, the status bar and the toolbar.
// The adapter reports every move with an `afterimage.position` event; nothing is asked for.
import * as vscode from 'vscode';
import * as z from 'zod';

export const DEBUG_TYPE = 'afterimage';

export const Timeline = z.object({
  recording: z.string(),
  /** A core dump of a program that was not recorded has none. */
  reactor: z.number().optional(),
  first: z.number(),
  end: z.number(),
  position: z.number(),
  crashEvent: z.number().optional(),
  faithful: z.boolean(),
  /** Of an imported core dump that cannot be replayed: what it has. */
  level: z.enum(['events', 'inspect']).optional(),
});
export type Timeline = z.infer<typeof Timeline>;

export class Timelines implements vscode.Disposable {
  private readonly bySession = new Map<vscode.DebugSession, Timeline>();
  private readonly moved = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  /** The active session changed, or it stands somewhere else now. */
  readonly onDidMove = this.moved.event;

  constructor() {
    this.subscriptions = [
      vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => this.receive(event)),
      vscode.debug.onDidTerminateDebugSession((session) => this.forget(session)),
      vscode.debug.onDidChangeActiveDebugSession(() => this.moved.fire()),
      this.moved,
    ];
  }

  /** The active session, once it has reported where it stands. */
  get active(): { session: vscode.DebugSession; timeline: Timeline } | undefined {
    const session = vscode.debug.activeDebugSession;
    const timeline = session && this.bySession.get(session);
    return session && timeline && { session, timeline };
  }

  /** The session that replays this reactor, the active one first. */
  sessionOf(recording: string, reactor: number): vscode.DebugSession | undefined {
    const isIt = (timeline: Timeline): boolean => timeline.recording === recording && timeline.reactor === reactor;
    if (this.active && isIt(this.active.timeline)) return this.active.session;
    return [...this.bySession].find(([, timeline]) => isIt(timeline))?.[0];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private receive(event: vscode.DebugSessionCustomEvent): void {
    if (event.session.type !== DEBUG_TYPE || event.event !== 'afterimage.position') return;
    this.bySession.set(event.session, Timeline.parse(event.body));
    this.moved.fire();
  }

  private forget(session: vscode.DebugSession): void {
    if (this.bySession.delete(session)) this.moved.fire();
  }
}
