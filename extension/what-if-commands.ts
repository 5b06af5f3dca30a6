// What would have been: replays without an event, or with another one in its place. Asked in the list of events, or where the
// session stands; the answer is one of the answers.
import * as vscode from 'vscode';
import * as z from 'zod';
import { grouped } from '../debug-adapter/recording';
import { WhatIf, whatIfAnswer } from './answers';
import type { AnswersView } from './answers-view';
import type { EventNode } from './event-tree';
import type { EventsView } from './events-view';
import { showError } from './messages';
import type { Timelines } from './timelines';

interface Place {
  readonly recording: string;
  readonly reactor: number;
  readonly event: number;
}

export function registerWhatIfCommands(timelines: Timelines, events: EventsView, answers: AnswersView): vscode.Disposable {
  const ask = async (
    node: EventNode | undefined,
    changes: (session: vscode.DebugSession, event: number) => Promise<object | undefined>,
  ) => {
    try {
      const place = node ? events.placeOf(node) : whereItStands(timelines);
      const session = sessionAt(place, timelines);
      const supposed = await changes(session, place.event);
      if (supposed === undefined) return;
      const body: unknown = await session.customRequest('afterimage.whatIf', { event: place.event, ...supposed });
      answers.add(whatIfAnswer(WhatIf.parse(body)), 'git-branch', place);
    } catch (error) {
      showError(error);
    }
  };
  return vscode.Disposable.from(
    vscode.commands.registerCommand('afterimage.replayWithout', (node?: EventNode) => ask(node, async () => ({}))),
    vscode.commands.registerCommand('afterimage.replayChanged', (node?: EventNode) => ask(node, askForChanges)),
  );
}

function whereItStands({ active }: Timelines): Place {
  if (!active) throw new Error('Open a recording first: the command is "Afterimage: Open Recording...".');
  const { recording, reactor = 0, position } = active.timeline;
  return { recording, reactor, event: position };
}

function sessionAt({ recording, reactor, event }: Place, timelines: Timelines): vscode.DebugSession {
  const session = timelines.sessionOf(recording, reactor);
  if (!session) throw new Error(`Nothing replays this reactor yet. Click event ${grouped(event)}, and ask again.`);
  return session;
}

/** The event as it was stands above; what is entered takes its place. */
async function askForChanges(session: vscode.DebugSession, event: number): Promise<{ set: string } | undefined> {
  const { text } = z.object({ text: z.string() }).parse(await session.customRequest('afterimage.payload', { event }));
  const set = await vscode.window.showInputBox({
    title: `Replay With Event ${grouped(event)} Changed`,
    prompt: `It was ${text.replaceAll(/\s+/g, ' ')}`,
    placeHolder: 'MEMBER = VALUE; MEMBER = VALUE',
    ignoreFocusOut: true,
  });
  return set?.trim() ? { set: set.trim() } : undefined;
}
