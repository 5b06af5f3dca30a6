// The timeline: a web page (media/timeline.js) that draws what timeline-model.ts finds, and says where somebody points, clicks or zooms.
// It is for looking from afar; a click leads to the event, and everything else is where it always is.
import * as vscode from 'vscode';
import * as z from 'zod';
import { counted, grouped, type Recording } from '../debug-adapter/recording';
import type { AnswersView } from './answers-view';
import { describeEvent, describeTime } from './event-text';
import type { EventsView } from './events-view';
import { messageOf, showError } from './messages';
import { type Stretch, TimelineModel } from './timeline-model';
import type { Timelines } from './timelines';

const VIEW_ID = 'afterimage.timeline';
const SHORTEST_NS = 1_000;

const FromPage = z.discriminatedUnion('does', [
  z.object({ does: z.literal('start') }),
  z.object({ does: z.literal('zoom'), from: z.number(), to: z.number() }),
  z.object({ does: z.literal('point'), reactor: z.int(), at: z.number() }),
  z.object({ does: z.literal('go'), reactor: z.int(), at: z.number() }),
  z.object({ does: z.literal('goTo'), reactor: z.int(), event: z.int() }),
]);

export class TimelineView implements vscode.WebviewViewProvider, vscode.Disposable {
  private page: vscode.Webview | undefined;
  private recording: Recording | undefined;
  private model: TimelineModel | undefined;
  private stretch: Stretch | undefined;
  private readonly media: vscode.Uri;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    context: vscode.ExtensionContext,
    private readonly events: EventsView,
    private readonly answers: AnswersView,
    private readonly timelines: Timelines,
  ) {
    this.media = vscode.Uri.joinPath(context.extensionUri, 'extension', 'media');
    this.subscriptions = [
      vscode.window.registerWebviewViewProvider(VIEW_ID, this),
      vscode.commands.registerCommand('afterimage.showTimeline', () => vscode.commands.executeCommand(`${VIEW_ID}.focus`)),
      events.onDidShow(() => this.draw()),
      answers.onDidChange(() => this.draw()),
      timelines.onDidMove(() => this.draw()),
    ];
  }

  resolveWebviewView({ webview, onDidDispose }: vscode.WebviewView): void {
    webview.options = { enableScripts: true, localResourceRoots: [this.media] };
    webview.onDidReceiveMessage((message) => this.receive(message));
    onDidDispose(() => (this.page = undefined));
    this.page = webview;
    webview.html = htmlOf(webview, this.media);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private receive(message: unknown): void {
    const said = FromPage.parse(message);
    if (said.does === 'start') return this.draw();
    if (this.model === undefined || this.recording === undefined) return;
    if (said.does === 'zoom') this.zoom(said, this.model.whole);
    else if (said.does === 'point') this.describe(said.reactor, this.model.eventAt(said.reactor, said.at), this.recording);
    else void this.go(said.reactor, said.does === 'goTo' ? said.event : this.model.eventAt(said.reactor, said.at), this.recording);
  }

  private zoom({ from, to }: Stretch, whole: Stretch): void {
    const length = Math.min(whole.to, Math.max(SHORTEST_NS, to - from));
    const start = Math.min(Math.max(0, from), whole.to - length);
    this.stretch = { from: start, to: start + length };
    this.draw();
  }

  private async go(reactor: number, event: number, { directory }: Recording): Promise<void> {
    await vscode.commands.executeCommand('afterimage.goToEvent', { recording: directory, reactor, event });
  }

  /** The event under the mouse. */
  private describe(id: number, number: number, recording: Recording): void {
    const reactor = recording.reactors.find((known) => known.id === id)!;
    void this.page?.postMessage({
      shows: 'event',
      text: this.sentence(() => describeEvent(recording.log(id).event(number), reactor), number),
    });
  }

  private sentence(describe: () => string, number: number): string {
    try {
      return `#${grouped(number)} ${describe()}`;
    } catch (error) {
      return messageOf(error); // a hole in a damaged recording
    }
  }

  private draw(): void {
    if (this.page === undefined) return;
    try {
      this.follow(this.events.shown);
      void this.page.postMessage(this.model === undefined ? { shows: 'nothing' } : this.picture(this.model, this.recording!));
    } catch (error) {
      showError(error);
    }
  }

  private follow(recording: Recording | undefined): void {
    if (recording === this.recording) return;
    this.recording = recording;
    this.model = recording && new TimelineModel(recording);
    this.stretch = this.model?.whole;
  }

  private picture(model: TimelineModel, recording: Recording) {
    const { whole, left, startNs } = model;
    const stretch = this.stretch ?? whole;
    const lanes = model.lanes(stretch).map((lane) => ({ ...lane, marks: [...lane.marks, ...this.looks(model, recording, lane.reactor)] }));
    const more = left === 0 ? '' : `and ${counted(left, 'reactor')} more, in which less happened`;
    return { shows: 'lanes', lanes, stretch, whole, more, start: describeTime(startNs).slice(0, 23) };
  }

  /** What somebody has asked, and where the session stands. */
  private looks(model: TimelineModel, { directory }: Recording, reactor: number) {
    const timeline = this.timelines.active?.timeline;
    const isHere = timeline?.recording === directory && timeline.reactor === reactor;
    const here = isHere ? [model.mark('here', reactor, timeline.position)] : [];
    const answers = this.answers.eventsOf(directory, reactor).map((event) => model.mark('answer', reactor, event));
    return [...answers, ...here].filter((mark) => mark !== undefined);
  }
}

function htmlOf(webview: vscode.Webview, media: vscode.Uri): string {
  const at = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(media, name)).toString();
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src ${webview.cspSource}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <link rel="stylesheet" href="${at('timeline.css')}">
</head>
<body>
  <p id="nothing" hidden>Open a recording to see its events along the time.</p>
  <svg id="lanes" role="group" aria-label="Events along the time"></svg>
  <p id="more"></p>
  <div id="tip" role="status" hidden></div>
  <script src="${at('timeline.js')}"></script>
</body>
</html>`;
}
