// Asks for a filter of the events list: first the type, where there is more than one, then what the events hold.
import * as vscode from 'vscode';
import { type EventFilter, looksLikeExpression } from './event-filter';

const TITLE = 'Filter Events';

/** Undefined when it was left without a choice. */
export async function askForFilter(
  types: readonly string[],
  present: EventFilter | undefined,
  canReplay: boolean,
): Promise<EventFilter | undefined> {
  if (types.length < 2) return askForContents({}, present, canReplay);
  const anyType = { label: 'Events of Any Type', type: undefined };
  const rows = [anyType, ...types.map((type) => ({ label: type, type }))];
  const chosen = await vscode.window.showQuickPick(rows, { title: TITLE, placeHolder: 'Type of the events', ignoreFocusOut: true });
  return chosen && askForContents({ type: chosen.type }, present, canReplay);
}

type Choice = vscode.QuickPickItem & { readonly filter: EventFilter };

function askForContents(chosen: EventFilter, present: EventFilter | undefined, canReplay: boolean): Promise<EventFilter | undefined> {
  const input = vscode.window.createQuickPick<Choice>();
  input.title = chosen.type === undefined ? TITLE : `${TITLE}: ${chosen.type}`;
  input.placeholder = canReplay ? 'A text in the event, or a C++ expression: flight.delay_minutes < -90' : 'A text in the event';
  input.ignoreFocusOut = true;
  const offer = (typed: string) => (input.items = choicesFor(typed, chosen, canReplay));
  input.onDidChangeValue(offer);
  input.value = present?.expression ?? present?.text ?? '';
  offer(input.value);
  input.show();
  return new Promise((resolve) => {
    input.onDidAccept(() => {
      // The rows may still be those of what was typed before; their places count.
      const place = input.items.findIndex((item) => item === input.activeItems[0]);
      resolve(choicesFor(input.value, chosen, canReplay)[Math.max(0, place)]?.filter);
      input.dispose();
    });
    input.onDidHide(() => {
      resolve(undefined);
      input.dispose();
    });
  });
}

/** The likelier meaning first; VS Code itself must not sort out what does not look like the words that were typed. */
function choicesFor(entered: string, { type }: EventFilter, canReplay: boolean): Choice[] {
  const typed = entered.trim();
  if (typed === '') return type === undefined ? [] : [{ label: '$(list-unordered) All of This Type', filter: { type } }];
  const text = {
    label: '$(symbol-string) Events With This Text',
    detail: 'in their bytes, in the name of their type, or in what went wrong in them',
    alwaysShow: true,
    filter: { type, text: typed },
  };
  const expression = {
    label: '$(symbol-operator) Events Where This Is True',
    detail: 'C++ over the members of the reactor and the argument of react(), evaluated after each event',
    alwaysShow: true,
    filter: { type, expression: typed },
  };
  if (!canReplay) return [text];
  return looksLikeExpression(typed) ? [expression, text] : [text, expression];
}
