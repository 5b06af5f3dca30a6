// A DAP client for the tests: the adapter as a process, and the words in which the tests speak about it.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as net from 'node:net';
import * as path from 'node:path';
import { type Readable, type Writable } from 'node:stream';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { root } from '../../support/fixture-programs';

export const adapter = path.join(root, 'out/debug-adapter/main.js');
const LIMIT_MS = 60_000;

export interface Stopped {
  reason: string;
  description: string | undefined;
  text: string | undefined;
  frames: DebugProtocol.StackFrame[];
  /** The name of the thread says where on the timeline it stands. */
  thread: string;
}

export interface Position {
  position: number;
  first: number;
  end: number;
  crashEvent?: number;
  faithful: boolean;
}

/** The library keeps to itself how it is connected. */
class ConnectedClient extends DebugClient {
  override connect(readable: Readable, writable: Writable): void {
    super.connect(readable, writable);
  }
}

export class Client {
  readonly output: string[] = [];
  position: Position | undefined;

  private constructor(
    readonly dc: ConnectedClient,
    private readonly adapter: ChildProcess | undefined,
  ) {
    dc.defaultTimeout = LIMIT_MS;
    dc.on('output', (event: DebugProtocol.OutputEvent) => this.output.push(event.body.output));
    dc.on('afterimage.position', (event: DebugProtocol.Event) => (this.position = event.body as Position));
  }

  /** An adapter of its own; or the one under the debugger (.vscode/launch.json: Current test + adapter). */
  static start(): Client {
    const port = globalThis.process.env['AFTERIMAGE_ADAPTER_PORT'];
    if (port !== undefined) return Client.of(net.connect(Number(port), '127.0.0.1'));
    const process = spawn('node', [adapter], { stdio: ['pipe', 'pipe', 'inherit'] });
    const client = new Client(new ConnectedClient('node', adapter, 'afterimage'), process);
    process.stdin.on('error', () => undefined); // a test may kill the adapter
    client.dc.connect(process.stdout, process.stdin);
    return client;
  }

  private static of(socket: net.Socket): Client {
    const client = new Client(new ConnectedClient('node', adapter, 'afterimage'), undefined);
    client.dc.connect(socket, socket);
    return client;
  }

  /** An adapter that runs as a server, on this port. */
  static async connect(port: number): Promise<Client> {
    const client = new Client(new ConnectedClient('node', adapter, 'afterimage'), undefined);
    await client.dc.start(port);
    return client;
  }

  get pid(): number {
    return this.adapter!.pid!;
  }

  async launch(args: object, beforeConfigured: () => Promise<unknown> = async () => undefined): Promise<Stopped> {
    const configured = this.dc.waitForEvent('initialized', LIMIT_MS).then(async () => {
      await beforeConfigured();
      await this.dc.configurationDoneRequest();
    });
    return this.stop(() => Promise.all([configured, this.dc.launch(args as DebugProtocol.LaunchRequestArguments)]));
  }

  /** Does something that makes the program move, and waits for the stop. */
  async stop(action: () => Promise<unknown>): Promise<Stopped> {
    const moved = new Promise((resolve) => this.dc.once('afterimage.position', resolve));
    const [{ body }] = await Promise.all([this.dc.waitForEvent('stopped', LIMIT_MS), moved, action()]);
    const { reason, description, text } = (body as DebugProtocol.StoppedEvent['body']) ?? {};
    const { stackFrames } = (await this.dc.stackTraceRequest({ threadId: 1 })).body;
    const { threads } = (await this.dc.threadsRequest()).body;
    return { reason, description, text, frames: stackFrames, thread: threads[0]!.name };
  }

  readonly next = () => this.stop(() => this.dc.nextRequest({ threadId: 1 }));
  readonly stepIn = () => this.stop(() => this.dc.stepInRequest({ threadId: 1 }));
  readonly stepOut = () => this.stop(() => this.dc.stepOutRequest({ threadId: 1 }));
  readonly stepBack = () => this.stop(() => this.dc.stepBackRequest({ threadId: 1 }));
  readonly reverseContinue = () => this.stop(() => this.dc.reverseContinueRequest({ threadId: 1 }));
  readonly continue = () => this.stop(() => this.dc.continueRequest({ threadId: 1 }));
  readonly custom = (command: string, args?: object) => this.stop(() => this.dc.customRequest(`afterimage.${command}`, args));
  readonly seek = (event: number) => this.custom('seek', { event });

  async breakpoints(source: string, breakpoints: DebugProtocol.SourceBreakpoint[]): Promise<DebugProtocol.Breakpoint[]> {
    return (await this.dc.setBreakpointsRequest({ source: { path: source }, breakpoints })).body.breakpoints;
  }

  async scopes(frame: DebugProtocol.StackFrame): Promise<DebugProtocol.Scope[]> {
    return (await this.dc.scopesRequest({ frameId: frame.id })).body.scopes;
  }

  async scope(frame: DebugProtocol.StackFrame, name: string): Promise<DebugProtocol.Variable[]> {
    const scope = (await this.scopes(frame)).find((each) => each.name === name);
    assert.ok(scope, `there is no scope ${name}`);
    return this.variables(scope.variablesReference);
  }

  async variables(variablesReference: number, page: { start?: number; count?: number } = {}): Promise<DebugProtocol.Variable[]> {
    return (await this.dc.variablesRequest({ variablesReference, ...page })).body.variables;
  }

  async evaluate(expression: string, frame: DebugProtocol.StackFrame, context = 'watch'): Promise<string> {
    return (await this.dc.evaluateRequest({ expression, frameId: frame.id, context })).body.result;
  }

  async memory(memoryReference: string, count: number): Promise<NonNullable<DebugProtocol.ReadMemoryResponse['body']>> {
    const response = await this.dc.customRequest('readMemory', { memoryReference, count });
    return (response as DebugProtocol.ReadMemoryResponse).body!;
  }

  /** Ends the session as a client does when its user closes it, and waits until the adapter has ended. */
  async close(): Promise<void> {
    if (this.adapter === undefined) return this.dc.stop();
    if (this.adapter.exitCode !== null || this.adapter.signalCode !== null) return;
    const exit = once(this.adapter, 'exit');
    await Promise.race([this.dc.disconnectRequest(), exit]);
    this.adapter.stdin!.end();
    await exit;
  }
}

export function named(variables: readonly DebugProtocol.Variable[], name: string): DebugProtocol.Variable {
  const found = variables.find((variable) => variable.name === name);
  assert.ok(found, `there is no ${name} among ${variables.map((variable) => variable.name).join(', ')}`);
  return found;
}
