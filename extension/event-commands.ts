// The moves from event to event: buttons of the debug toolbar, and rows of the events view.
import * as vscode from 'vscode';
import { configurationFor } from './configuration';
import { showError } from './messages';
import { DEBUG_TYPE, type Timeline, type Timelines } from './timelines';
import { grouped } from '../debug-adapter/recording';

/** A row of the events view that was clicked. */
interface EventAddress {
  readonly recording: string;
  readonly reactor: number;
  readonly event: number;
}

export function registerEventCommands(timelines: Timelines): vscode.Disposable {
  const register = vscode.commands.registerCommand;
  return vscode.Disposable.from(
    register('afterimage.previousEvent', () => request('afterimage.previousEvent')),
    register('afterimage.nextEvent', () => request('afterimage.nextEvent')),
    register('afterimage.restartEvent', () => request('afterimage.restartEvent')),
    register('afterimage.toCrash', () => request('afterimage.toCrash')),
    register('afterimage.goToEvent', (address?: EventAddress) => (address ? goTo(timelines, address) : askAndGo(timelines))),
  );
}

/**
 * In the session that replays this reactor. A session replays one reactor: for another one, the active session ends, and a
 * new one begins there. (Two sessions would leave the user in the old one: VS Code does not turn to a session that stops
 * while another one stands.)
 */
async function goTo(timelines: Timelines, { recording, reactor, event }: EventAddress): Promise<void> {
  const session = timelines.sessionOf(recording, reactor);
  if (session) return request('afterimage.seek', { event }, session);
  if (timelines.active) await vscode.debug.stopDebugging(timelines.active.session);
  await vscode.debug.startDebugging(undefined, { ...configurationFor(recording), reactor, stopAt: event });
}

async function askAndGo(timelines: Timelines): Promise<void> {
  const timeline = timelines.active?.timeline;
  if (!timeline) return showError(new Error('Open a recording first: the command is "Afterimage: Open Recording...".'));
  if (timeline.level !== undefined) return request('afterimage.seek', { event: timeline.position }); // which says why not
  const entered = await vscode.window.showInputBox({
    title: 'Go to Event',
    prompt: `Event ${rangeOf(timeline)}${crashOf(timeline)}`,
    value: String(timeline.position),
    ignoreFocusOut: true, // a stop that arrives meanwhile puts the focus into the editor
    validateInput: (text) => (eventIn(timeline, text) === undefined ? `Enter a number, ${rangeOf(timeline)}.` : undefined),
  });
  const event = entered === undefined ? undefined : eventIn(timeline, entered);
  if (event !== undefined) await request('afterimage.seek', { event });
}

async function request(command: string, body?: object, session = vscode.debug.activeDebugSession): Promise<void> {
  if (session?.type !== DEBUG_TYPE) return;
  try {
    await session.customRequest(command, body);
  } catch (error) {
    showError(error);
  }
}

/** The event that `text` names ("515377" or "515,377"), if the recording has it. */
function eventIn({ first, end }: Timeline, text: string): number | undefined {
  const digits = text.replaceAll(/[,\s#]/g, '');
  const event = /^\d+$/.test(digits) ? Number(digits) : NaN;
  return event >= first && event < end ? event : undefined;
}

const rangeOf = ({ first, end }: Timeline): string => `${grouped(first)} to ${grouped(end - 1)}`;

const crashOf = ({ crashEvent }: Timeline): string => (crashEvent === undefined ? '' : `; the crash is in event ${grouped(crashEvent)}`);
