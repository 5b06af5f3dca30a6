// kv-server, the fixture that is a real server: it speaks RESP under each of its three loops; its recordings are replayed; and its bug
// is found by asking the command line, as fixtures/programs/kv-server/README.md tells it.
import assert from 'node:assert/strict';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, withDirectory } from '../support/fixture-programs';
import { KvClient, KvServer, type Reply, recordKvCrash, request, sellPears } from '../support/kv-server';

interface Conversation {
  title: string;
  /** Command and reply. */
  says: [command: string, reply: Reply][];
}

const conversations: Conversation[] = [
  { title: 'connections', says: [['PING', 'PONG'], ['PING hello', 'hello'], ['ECHO a', 'a'], ['SELECT 0', 'OK'], ['CONFIG GET save', ['save', '']]] },
  { title: 'strings', says: [['SET a 1', 'OK'], ['GET a', '1'], ['INCR a', 2], ['DECRBY a 5', -3], ['APPEND a x', 3], ['STRLEN a', 3], ['GET no', null]] },
  { title: 'many at once', says: [['MSET a 1 b 2', 'OK'], ['MGET a b c', ['1', '2', null]], ['DEL a b c', 2], ['EXISTS a b', 0]] },
  { title: 'lists', says: [['RPUSH l 1 2 3', 3], ['LPUSH l 0', 4], ['LRANGE l 0 -1', ['0', '1', '2', '3']], ['LRANGE l -2 9', ['2', '3']], ['LPOP l', '0'], ['RPOP l', '3'], ['LLEN l', 2], ['TYPE l', 'list']] },
  { title: 'sets', says: [['SADD s a a b', 2], ['SISMEMBER s a', 1], ['SREM s a', 1], ['SPOP s', 'b'], ['SPOP s', null], ['EXISTS s', 0]] },
  { title: 'hashes', says: [['HSET h f 1 g 2', 2], ['HSET h f 3', 0], ['HGET h f', '3'], ['HDEL h f', 1], ['HGETALL h', ['g', '2']], ['HLEN h', 1]] },
  { title: 'sorted sets', says: [['ZADD z 2 b 1.5 a', 2], ['ZADD z 3 b', 0], ['ZPOPMIN z', ['a', '1.5']], ['ZSCORE z b', '3'], ['ZCARD z', 1], ['ZPOPMIN no', []]] },
  { title: 'time', says: [['SET t 1', 'OK'], ['TTL t', -1], ['EXPIRE t 100', 1], ['PERSIST t', 1], ['TTL t', -1], ['EXPIRE t 0', 1], ['TTL t', -2]] },
  {
    title: 'mistakes',
    says: [
      ['FLY', { error: "ERR unknown command 'FLY'" }],
      ['GET', { error: "ERR wrong number of arguments for 'get' command" }],
      ['SET w x', 'OK'],
      ['LPUSH w 1', { error: 'WRONGTYPE Operation against a key holding the wrong kind of value' }],
      ['INCR w', { error: 'ERR value is not an integer or out of range' }],
      ['ZADD zz x a', { error: 'ERR value is not a valid float' }],
    ],
  },
]; // prettier-ignore

for (const program of ['kv-server', 'kv-server-plain', 'kv-server-asio']) {
  describe(program, function () {
    this.timeout(60_000);
    let server: KvServer;
    let client: KvClient;

    before(async () => (server = await KvServer.start(program, ['--no-record'])));
    after(() => server.kill());
    beforeEach(async () => (client = await server.connect()));
    afterEach(() => client.socket.destroy());

    for (const { title, says } of conversations) {
      it(`answers: ${title}`, async () => {
        for (const [command, reply] of says) assert.deepEqual(await client.ask(...command.split(' ')), reply, command);
      });
    }

    it('lets keys expire when their time is over', async () => {
      await client.ask('SET', 'short', 'lived');
      assert.equal(await client.ask('EXPIRE', 'short', '1000'), 1);
      const left = await client.ask('TTL', 'short');
      assert.ok(typeof left === 'number' && left > 0 && left <= 1000, `${String(left)} seconds are left`);
      assert.equal(await client.ask('PEXPIRE', 'short', '5'), 1);
      while ((await client.ask('GET', 'short')) !== null);
      assert.equal(await client.ask('EXISTS', 'short'), 0);
    });

    it('takes lines as people type them', async () => {
      assert.deepEqual(await client.send('\r\nSET  typed \t x\r\nGET typed\n', 2), ['OK', 'x']);
    });

    it('takes requests in pieces, and several in one', async () => {
      const bytes = request(['SET', 'pieces', 'a\r\nb']) + request(['GET', 'pieces']) + request(['PING']);
      for (const byte of bytes.slice(0, -1)) client.socket.write(byte);
      assert.deepEqual(await client.send(bytes.slice(-1), 3), ['OK', 'a\r\nb', 'PONG']);
    });

    it('answers what came before a mistake in the protocol, names it, and hangs up', async () => {
      const mistakes = {
        '*1\r\n:1\r\n': "expected '$', got ':'",
        '*x\r\n': 'invalid multibulk length',
        '*1\r\n$-7\r\n': 'invalid bulk length',
      };
      for (const [bytes, mistake] of Object.entries(mistakes)) {
        const other = await server.connect();
        assert.deepEqual(await other.send(`PING\r\n${bytes}`, 2), ['PONG', { error: `ERR Protocol error: ${mistake}` }]);
        await other.closed;
      }
    });

    it('waits for a client that is slow to read', async () => {
      const [value, count] = ['x'.repeat(100_000), 400];
      await client.ask('SET', 'large', value);
      client.socket.pause();
      const replies = client.send(request(['GET', 'large']).repeat(count), count);
      const impatient = await server.connect();
      assert.equal(await impatient.ask('PING'), 'PONG', 'others are served meanwhile');
      impatient.socket.destroy();
      client.socket.resume();
      assert.deepEqual(new Set(await replies), new Set([value]));
    });

    it('ends in good order, and its recording is replayed without a divergence', () =>
      withDirectory(async (directory) => {
        const recorded = await KvServer.start(program, ['--directory', directory]);
        try {
          const talker = await recorded.connect();
          for (const { says } of conversations) {
            for (const [command, reply] of says) assert.deepEqual(await talker.ask(...command.split(' ')), reply, command);
          }
          assert.equal(await recorded.stop(), 0);
        } finally {
          recorded.kill();
        }
        const { code, stdout, stderr } = await afterimage(['replay', onlyRecordingIn(directory)]);
        assert.match(stdout, /\nNo divergence\.\n/, stderr);
        assert.equal(code, 0);
      }));
  });
}

describe('the bug of kv-server', function () {
  this.timeout(120_000);

  it('is found from the crash by asking', () =>
    withDirectory(async (directory) => {
      const recording = await recordKvCrash(directory, sellPears);
      const ask = async (command: string, ...options: string[]) => {
        const { stdout, stderr } = await afterimage([command, recording, '--json', ...options]);
        assert.notEqual(stdout, '', stderr);
        return JSON.parse(stdout);
      };
      const wordsOf = ({ payload }: { payload: string }) => Buffer.from(payload, 'hex').toString('latin1').replace(/[^\w:]+/g, ' ').trim(); // prettier-ignore

      const { stdout } = await afterimage(['replay', recording]);
      assert.match(stdout, /\nThe same crash as recorded: /);
      // It crashes when time passes, while nobody asks for anything.
      assert.equal((await ask('events', '--count', '1')).events[0].type, 'Tick');
      // One deadline stands. Whose is it?
      const deadline = '*(long*)((char*)keys_.deadlines_._M_t._M_impl._M_header._M_left + 40)';
      const due = (await ask('history', '--expression', deadline, '--count', '1000')).values.at(-1);
      const address = BigInt(due.value).toString(16);
      // Its memory was freed, and given to somebody else.
      const { blocks } = await ask('touched', '--address', address);
      assert.deepEqual(blocks.map(({ state }: { state: string }) => state).slice(-3), ['live', 'free', 'live']); // prettier-ignore
      const [made, freed, reused] = await Promise.all(
        blocks
          .slice(-3)
          .map(async ({ event }: { event: number }) => wordsOf((await ask('events', '--from', String(event), '--count', '1')).events[0])),
      );
      assert.match(reused, /SET cart:emeka/);
      assert.match(made, /RPUSH mail:ada/);
      // The guilty one: the last letter was taken out, the list was removed, the deadline was not.
      assert.match(freed, /LPOP mail:ada/);
      const set = await ask('events', '--from', String(due.event), '--count', '1');
      assert.match(wordsOf(set.events[0]), /PEXPIRE mail:ada/);
    }));
});
