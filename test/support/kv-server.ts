// Starts kv-server, and talks to it in its own words (RESP).
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as net from 'node:net';
import * as readline from 'node:readline';
import { onlyRecordingIn, programPath } from './fixture-programs';
import { seeded } from './seeded-random';

export type Reply = string | number | null | { error: string } | Reply[];

/** The reply at `at` and where it ends; undefined if it has not arrived in full. */
function parseReply(text: string, at: number): { reply: Reply; end: number } | undefined {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const [kind, line] = [text[at], text.slice(at + 1, lineEnd)];
  const end = lineEnd + 2;
  switch (kind) {
    case '+':
      return { reply: line, end };
    case '-':
      return { reply: { error: line }, end };
    case ':':
      return { reply: Number(line), end };
    case '$':
      return parseBulk(text, end, Number(line));
    case '*':
      return parseArray(text, end, Number(line));
    default:
      throw new Error(`this is no reply: ${text.slice(at, at + 40)}`);
  }
}

function parseBulk(text: string, at: number, bytes: number) {
  if (bytes < 0) return { reply: null, end: at };
  return text.length < at + bytes + 2 ? undefined : { reply: text.slice(at, at + bytes), end: at + bytes + 2 };
}

function parseArray(text: string, at: number, count: number): { reply: Reply[]; end: number } | undefined {
  const reply: Reply[] = [];
  let end = at;
  for (let i = 0; i < count; i++) {
    const element = parseReply(text, end);
    if (element === undefined) return undefined;
    reply.push(element.reply);
    end = element.end;
  }
  return { reply, end };
}

export const request = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/** One connection. Replies come in the order of the commands. */
export class KvClient {
  private received = '';
  private readonly waiting: ((reply: Reply | undefined) => void)[] = [];
  readonly closed: Promise<void>;

  private constructor(readonly socket: net.Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.take(text));
    socket.on('error', () => undefined); // 'close' follows
    this.closed = new Promise((settle) => socket.once('close', settle));
    socket.once('close', () => this.nobodyAnswers());
  }

  static async connect(port: number): Promise<KvClient> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new KvClient(socket);
  }

  /** The reply to one command; undefined if the server is gone. */
  async ask(...words: string[]): Promise<Reply | undefined> {
    return (await this.send(request(words), 1))[0];
  }

  /** Sends bytes, and waits for this many replies. */
  send(bytes: string, replies: number): Promise<(Reply | undefined)[]> {
    const answers = Array.from({ length: replies }, () => new Promise<Reply | undefined>((settle) => this.waiting.push(settle)));
    if (this.socket.destroyed) this.nobodyAnswers();
    else this.socket.write(bytes, 'latin1');
    return Promise.all(answers);
  }

  private nobodyAnswers(): void {
    for (const settle of this.waiting.splice(0)) settle(undefined);
  }

  private take(text: string): void {
    this.received += text;
    let at = 0;
    for (let next = parseReply(this.received, at); next !== undefined; next = parseReply(this.received, at)) {
      at = next.end;
      this.waiting.shift()?.(next.reply);
    }
    this.received = this.received.slice(at);
  }
}

export class KvServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly ended: Promise<[number | null, NodeJS.Signals | null]>,
    readonly port: number,
  ) {
    const kill = () => this.kill(); // when a test is given up while it waits
    process.once('exit', kill);
    void ended.then(() => process.off('exit', kill));
  }

  /** Answers when it listens. */
  static async start(name: string, options: readonly string[]): Promise<KvServer> {
    const child = spawn(programPath(name), options, { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const lines = readline.createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [unknown];
    const port = /^listening on 127\.0\.0\.1:(\d+)$/.exec(String(line))?.[1];
    assert.ok(port !== undefined, `${name} does not listen: ${String(line)}`);
    return new KvServer(child, ended, Number(port));
  }

  connect = (): Promise<KvClient> => KvClient.connect(this.port);

  /** Waits for the signal by which it dies; null when it ended by itself. */
  async death(): Promise<NodeJS.Signals | null> {
    return (await this.ended)[1];
  }
  /** In good order; answers its exit code. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return (await this.ended)[0];
  }
  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** Serves what `talk` says until kv-server crashes; the path of its recording. */
export async function recordKvCrash(directory: string, talk: (client: KvClient) => Promise<void>): Promise<string> {
  const server = await KvServer.start('kv-server', ['--directory', directory]);
  try {
    const client = await server.connect();
    await talk(client);
    await client.closed;
    assert.equal(await server.death(), 'SIGSEGV');
    return onlyRecordingIn(directory);
  } finally {
    server.kill();
  }
}

/**
 * The story of fixtures/programs/kv-server/README.md: a letter that would expire is taken out before; then somebody shops. At once, so
 * that it cannot expire in between.
 */
export async function sellPears(client: KvClient): Promise<void> {
  const story = [
    ...['bertrand', 'chiara', 'dagny'].map((name) => ['SET', `cart:${name}`, 'apples']),
    ['RPUSH', 'mail:ada', 'welcome'],
    ['PEXPIRE', 'mail:ada', '100'],
    ['LPOP', 'mail:ada'],
    ['SET', 'cart:emeka', 'pears'],
  ];
  assert.deepEqual(await client.send(story.map(request).join(''), story.length), ['OK', 'OK', 'OK', 1, 1, 'welcome', 'OK']);
}

/** Visitors, carts and mailboxes whose letters expire, at random, for as long as there is somebody to talk to. */
export const traffic =
  (seed: number) =>
  async (client: KvClient): Promise<void> => {
    const below = seeded(seed);
    const command = (): string[] => {
      const [visitor, number] = [`visitor:${below(200)}`, String(below(10_000))];
      const commands = [
        ['INCR', `visits:${visitor}`],
        ['SET', `cart:${visitor}`, number.repeat(1 + below(20))],
        ['GET', `cart:${visitor}`],
        ['ZADD', 'ranks', number, visitor],
        ['HSET', `profile:${visitor}`, `field:${below(5)}`, number],
        ['RPUSH', `mail:${visitor}`, number],
        ['PEXPIRE', `mail:${visitor}`, String(50 + below(200))],
        ['LPOP', `mail:${visitor}`],
        ['DEL', `cart:${visitor}`],
      ];
      return commands[below(commands.length)]!;
    };
    for (let replies: unknown[] = []; !replies.includes(undefined);) {
      const batch = Array.from({ length: 1 + below(30) }, command);
      replies = await client.send(batch.map(request).join(''), batch.length);
    }
  };
