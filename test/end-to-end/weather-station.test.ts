// A reactor in C: recorded through afterimage/afterimage.h, and asked like any other.
import assert from 'node:assert/strict';
import { afterimage } from '../support/cli';
import { recordCrash, withDirectory } from '../support/fixture-programs';

const NAME_OFFSET = 12; // of struct event, fixtures/programs/weather-station/main.c

describe('the bug of weather-station', function () {
  this.timeout(60_000);

  it('is found from the crash by asking', () =>
    withDirectory(async (directory) => {
      const recording = await recordCrash('weather-station', directory, ['--seed', '3']);
      const ask = async (command: string, ...options: string[]) => {
        const { stdout, stderr } = await afterimage([command, recording, '--json', ...options]);
        assert.notEqual(stdout, '', stderr);
        return JSON.parse(stdout);
      };
      // Which sensor was to measure?
      const [last] = (await ask('events', '--count', '1')).events;
      const sensor = Buffer.from(last.payload, 'hex').readInt32LE(4);
      // Its measurements are nowhere. Who wrote there?
      const { event } = await ask('last-write', '--expression', `((struct station*)object)->sensors[${sensor}].measured`);
      assert.equal(Buffer.from(event.payload, 'hex').toString('latin1', NAME_OFFSET), 'greenhouse door'.padEnd(20, '\0'));
      // It was a rename, and the first one to this name since the sensor measured.
      const renamed = `(int)((struct event*)event)->kind == 1 && ((struct event*)event)->sensor == ${sensor}`;
      const { events } = await ask('find', '--all', '--expression', renamed);
      assert.equal(events.at(-1).number, event.number);
    }));
});
