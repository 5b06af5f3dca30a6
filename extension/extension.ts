// Activation is a list: whatever the extension offers is registered here, and lives in the file that is named here.
import * as vscode from 'vscode';
import { AnswersView } from './answers-view';
import { ConfigurationProvider } from './configuration';
import { AdapterFactory } from './debug-adapter';
import { registerEventCommands } from './event-commands';
import { EventsView } from './events-view';
import { openRecordingCommand } from './open-recording';
import { registerPositionStatus } from './position-status';
import { registerQuestionCommands } from './question-commands';
import { TimelineView } from './timeline-view';
import { DEBUG_TYPE, Timelines } from './timelines';
import { registerWhatIfCommands } from './what-if-commands';

export function activate(context: vscode.ExtensionContext): void {
  const timelines = new Timelines();
  const events = new EventsView(timelines);
  const answers = new AnswersView();
  const configurations = new ConfigurationProvider();
  context.subscriptions.push(
    timelines,
    events,
    answers,
    new TimelineView(context, events, answers, timelines),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, new AdapterFactory(context)),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations, vscode.DebugConfigurationProviderTriggerKind.Dynamic),
    vscode.commands.registerCommand('afterimage.openRecording', (clicked?: vscode.Uri) => openRecordingCommand(events, clicked)),
    registerEventCommands(timelines),
    registerQuestionCommands(timelines, answers),
    registerWhatIfCommands(timelines, events, answers),
    registerPositionStatus(timelines),
  );
}
