// Questions about the whole timeline, from the variables, the editor, the toolbar or the palette; the answers go into their view.
import * as vscode from 'vscode';
import {
  type Answer,
  CrashNeeds,
  crashNeedsAnswer,
  Found,
  foundAnswer,
  HeapCalls,
  heapCallsAnswer,
  History,
  historyAnswer,
  LastWrite,
  lastWriteAnswer,
} from './answers';
import type { AnswersView } from './answers-view';
import { showError } from './messages';
import type { Timelines } from './timelines';

/** What VS Code passes from the menu of a variable. */
interface ClickedVariable {
  readonly variable?: { readonly name: string; readonly evaluateName?: string };
}

interface Question {
  readonly request: string;
  readonly icon: string;
  readonly title: string;
  /** Of an expression. */
  readonly about?: { readonly prompt: string; /** Shown as long as nothing is entered. */ readonly example: string };
  readonly read: (body: unknown) => Answer;
}

const QUESTIONS: Record<string, Question> = {
  'afterimage.findEvents': {
    request: 'afterimage.find',
    icon: 'search',
    title: 'Find Events Where...',
    about: {
      prompt: 'A C++ expression over the members of the reactor and the argument of react(), evaluated after each event',
      example: 'order.quantity > 1000 && total_ < 0',
    },
    read: (body) => foundAnswer(Found.parse(body)),
  },
  'afterimage.valueHistory': {
    request: 'afterimage.history',
    icon: 'graph-line',
    title: 'History of a Value',
    about: {
      prompt: 'A C++ expression over the members of the reactor: a number or a pointer',
      example: 'total_',
    },
    read: (body) => historyAnswer(History.parse(body)),
  },
  'afterimage.crashNeeds': {
    request: 'afterimage.crashNeeds',
    icon: 'filter',
    title: 'Which Events Does the Crash Need?',
    read: (body) => crashNeedsAnswer(CrashNeeds.parse(body)),
  },
  'afterimage.lastWrite': {
    request: 'afterimage.lastWrite',
    icon: 'edit',
    title: 'Who Wrote This Last?',
    about: {
      prompt: 'A C++ expression, as seen from the selected frame',
      example: 'this->total_',
    },
    read: (body) => lastWriteAnswer(LastWrite.parse(body)),
  },
  'afterimage.heapCalls': {
    request: 'afterimage.heapCalls',
    icon: 'layers',
    title: 'Who Allocated and Freed This?',
    about: {
      prompt:
        'A C++ expression, as seen from the selected frame: a pointer, for what it leads to, or anything else, for the memory that it is in',
      example: 'this->last_',
    },
    read: (body) => heapCallsAnswer(HeapCalls.parse(body)),
  },
};

export function registerQuestionCommands(timelines: Timelines, answers: AnswersView): vscode.Disposable {
  const ask = async (question: Question, clicked?: unknown) => {
    const { session, timeline } = timelines.active ?? {};
    if (!session || !timeline) return showError(new Error('Open a recording first: the command is "Afterimage: Open Recording...".'));
    const about = await expressionFor(question, clicked);
    if (about === undefined) return;
    const { recording, reactor = 0, position } = timeline;
    try {
      const body: unknown = await session.customRequest(question.request, { ...about, ...selectedFrame(session) });
      answers.add(question.read(body), question.icon, { recording, reactor, event: position });
    } catch (error) {
      showError(error);
    }
  };
  const commands = Object.entries(QUESTIONS).map(([command, question]) =>
    vscode.commands.registerCommand(command, (clicked?: unknown) => ask(question, clicked)),
  );
  return vscode.Disposable.from(...commands);
}

/** What the question is about; undefined when nothing was entered. */
async function expressionFor({ title, about }: Question, clicked: unknown): Promise<{ expression?: string } | undefined> {
  if (about === undefined) return {};
  const expression = givenExpression(clicked) ?? (await enteredExpression(title, about));
  return expression === undefined ? undefined : { expression };
}

function givenExpression(clicked: unknown): string | undefined {
  const { variable } = (clicked ?? {}) as ClickedVariable;
  if (variable) return variable.evaluateName ?? variable.name;
  return clicked instanceof vscode.Uri ? underCursor() : undefined; // from the menu of the editor
}

async function enteredExpression(title: string, { prompt, example }: NonNullable<Question['about']>): Promise<string | undefined> {
  const entered = await vscode.window.showInputBox({
    title,
    prompt,
    placeHolder: example,
    value: underCursor() ?? '',
    ignoreFocusOut: true,
  });
  return entered?.trim() || undefined;
}

/** What is selected in the editor, else the word at the cursor. */
function underCursor(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return undefined;
  const range = editor.selection.isEmpty ? editor.document.getWordRangeAtPosition(editor.selection.active) : editor.selection;
  return (range && editor.document.getText(range).trim()) || undefined;
}

function selectedFrame(session: vscode.DebugSession): { frameId?: number } {
  const item = vscode.debug.activeStackItem;
  return item instanceof vscode.DebugStackFrame && item.session === session ? { frameId: item.frameId } : {};
}
