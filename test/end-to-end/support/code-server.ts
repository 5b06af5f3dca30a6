// A real VS Code server with our extension installed from its .vsix, on a free loopback port, with throw-away data folders.
// code-server is installed by scripts/install-code-server, outside the clone.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { root } from '../../support/fixture-programs';

const run = promisify(execFile);

const settings = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'workbench.startupEditor': 'none',
  'window.autoDetectColorScheme': true,
  'breadcrumbs.enabled': false,
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'security.workspace.trust.enabled': false,
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'files.autoSave': 'off', // in a browser it is on: a key in the wrong place would change our sources
  'files.readonlyInclude': { '**': true },
};

// An address at which nobody answers: nothing may leave the machine.
const noGallery = JSON.stringify({ serviceUrl: 'http://127.0.0.1:9/' });

export class CodeServer {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly home: string,
  ) {}

  static async start(vsix: string): Promise<CodeServer> {
    const { stdout } = await run(path.join(root, 'scripts/install-code-server'));
    const entry = path.join(stdout.trim(), 'node_modules/code-server/out/node/entry.js');
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-code-server-'));
    const folders = prepareHome(home);
    await run(process.execPath, [entry, ...folders, '--install-extension', vsix], { env: environment(home) });
    const log = path.join(home, 'server.log');
    const child = spawn(process.execPath, [entry, ...folders, ...serverArguments], {
      env: environment(home),
      stdio: ['ignore', 'pipe', fs.openSync(log, 'w')],
      detached: true, // it forks: the group it leads is ended as a whole
    });
    return new CodeServer(await addressOf(child, log), child, home);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    process.kill(-this.child.pid!, 'SIGKILL');
    await closed;
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The .vsix as `npm run package` makes it, from the bundles that the build has left in dist/. */
export async function packageExtension(target: string): Promise<string> {
  const options = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
  await run(path.join(root, 'node_modules/.bin/vsce'), ['package', ...options, '--out', target], { cwd: root });
  return target;
}

const serverArguments = [
  ...['--auth', 'none', '--bind-addr', '127.0.0.1:0'],
  ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust', '--disable-getting-started-override'],
];

function prepareHome(home: string): string[] {
  const user = path.join(home, 'data/User');
  fs.mkdirSync(user, { recursive: true });
  fs.writeFileSync(path.join(user, 'settings.json'), JSON.stringify(settings));
  fs.writeFileSync(path.join(home, 'config.yaml'), 'auth: none\n');
  const at = (name: string): string => path.join(home, name);
  return ['--config', at('config.yaml'), '--user-data-dir', at('data'), '--extensions-dir', at('extensions')];
}

/** Its sockets lie in the home, too, and go with it. */
function environment(home: string): NodeJS.ProcessEnv {
  const { VSCODE_IPC_HOOK_CLI: _, ...inherited } = process.env; // inside a VS Code terminal code-server would refuse to start
  return { ...inherited, EXTENSIONS_GALLERY: noGallery, TMPDIR: home, XDG_RUNTIME_DIR: home };
}

async function addressOf(child: ChildProcess, log: string): Promise<string> {
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /HTTP server listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (url) {
      child.stdout!.resume(); // nobody reads on, and the pipe must not fill up
      return url;
    }
    seen.push(line);
  }
  throw new Error(`code-server ended before it listened:\n${seen.join('\n')}\n${fs.readFileSync(log, 'utf8')}`);
}
