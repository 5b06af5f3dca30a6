// The debug adapter as a program. A client speaks DAP to its standard input and output, or to a port of this machine:
//
//     main.js                  one session, ends with it
//     main.js --server=PORT    a session per connection, until interrupted (PORT 0: any; the port is printed)
//
// There is no `require.main === module` around this: VS Code may start the file in ways in which it is not the main module.

import * as net from 'node:net';
import { AfterimageSession } from './session/session';

const sessions = new Set<AfterimageSession>();

function openSession(): AfterimageSession {
  const session = new AfterimageSession();
  sessions.add(session);
  return session;
}

function serve(port: number): void {
  const server = net.createServer((socket) => {
    const session = openSession();
    session.setRunAsServer(true);
    socket.on('error', () => socket.destroy()); // a client that vanished; the session ends with its input
    socket.on('close', () => void session.close().then(() => sessions.delete(session)));
    session.start(socket, socket);
  });
  server.on('error', (error) => {
    process.stderr.write(`afterimage: cannot listen on port ${port} of 127.0.0.1: ${error.message}.\n`);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => process.stderr.write(`afterimage: listening on ${(server.address() as net.AddressInfo).port}\n`));
}

async function closeAll(): Promise<void> {
  await Promise.allSettled([...sessions].map((session) => session.close()));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void closeAll().then(() => process.exit(0)));
}

const port = process.argv.map((argument) => /^--server=(\d+)$/.exec(argument)?.[1]).find((match) => match !== undefined);
if (port === undefined) openSession().start(process.stdin, process.stdout);
else serve(Number(port));
