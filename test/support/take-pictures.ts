// Takes the pictures of the README, of the real extension in a real VS Code; started by scripts/pictures. Nothing is arranged in them: they
// show flight-board's crash as `npm run demo` records it, after its question "which events does the crash need?".

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { grouped, openRecording } from '../../debug-adapter/recording';
import { CodeServer, packageExtension } from '../end-to-end/support/code-server';
import { flightBoardSource } from '../end-to-end/support/flight-recording';
import { Workbench } from '../end-to-end/support/workbench';
import { recordCrash, root } from './fixture-programs';

const PICTURE = path.join(root, 'docs/images/vscode.png');

async function takePicture(code: Workbench, recording: string): Promise<void> {
  const { started } = openRecording(recording).crashedReactor()!;
  await code.command('Afterimage: Open Recording...');
  await code.quickPickRow(path.basename(recording)).click();
  await code.stoppedIn('FlightBoard::react');
  const timeline = await code.showTimeline();
  await code.expand(code.variable(/^this/));
  await code.command('Afterimage: Which Events Does the Crash Need?');
  const answer = code.answerRow('what the crash needs');
  await answer.getByText(`2 events of ${grouped(started)}`).waitFor();
  await code.answerRow('#').click();
  await code.variable('delay_minutes = -212').waitFor();
  await timeline.getByRole('button', { name: 'The session stands at' }).waitFor();
  await code.page.mouse.move(0, 0);
  await code.page.screenshot({ path: PICTURE });
}

async function main(): Promise<void> {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-pictures-')));
  const service = path.join(folder, 'service');
  fs.mkdirSync(service);
  const recording = await recordCrash('flight-board', service);
  fs.copyFileSync(flightBoardSource, path.join(service, 'flight_board.cc'));
  const server = await CodeServer.start(await packageExtension(path.join(folder, 'afterimage.vsix')));
  try {
    const code = await Workbench.open(server.url, service, { viewport: { width: 1440, height: 980 } });
    await takePicture(code, recording).finally(() => code.close());
  } finally {
    await server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
