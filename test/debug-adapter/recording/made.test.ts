import assert from 'node:assert/strict';
import { madeEvent, ownBytes } from '../../../debug-adapter/recording';

const type = { id: 16, name: 'Order', thunk: 0n, codec: 'made', bytes: 4, align: 8 };

const [ALLOCATE, FREE] = [1, 3];
const operation = (kind: number, address: bigint, value: bigint, hasContents: number) => {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(address, 0);
  bytes.writeBigUInt64LE(value, 8);
  bytes.writeUInt16LE(kind, 16);
  bytes.writeUInt16LE(hasContents, 18);
  return bytes;
};

function payloadOf(version: number, event: bigint, operations: Buffer[], contents: string): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(version, 0);
  header.writeUInt32LE(operations.length, 4);
  header.writeBigUInt64LE(event, 8);
  return Buffer.concat([header, ...operations, Buffer.from(contents)]);
}

describe('the payload of an event that was made', () => {
  const operations = [operation(ALLOCATE, 0x100n, 8n, 1), operation(FREE, 0x200n, 0x5555n, 0), operation(ALLOCATE, 0x300n, 5n, 1)];
  const payload = payloadOf(1, 0x102n, operations, 'an order,text');

  it('has the contents of what was allocated', () => {
    const made = madeEvent({ type, payload })!;
    assert.equal(made.address, 0x102n);
    assert.deepEqual(
      made.blocks.map(({ address, bytes }) => [address, bytes.toString()]),
      [[0x100n, 'an order'], [0x300n, ',text']], // prettier-ignore
    );
    assert.equal(ownBytes({ type, payload }).toString(), ' ord');
  });

  it('is nothing when it is cut off, of another version or kind; then its bytes are shown', () => {
    for (let bytes = 0; bytes < payload.length; bytes++) {
      const cut = payload.subarray(0, bytes);
      assert.equal(madeEvent({ type, payload: cut }), undefined, `${bytes} bytes`);
      assert.equal(ownBytes({ type, payload: cut }), cut);
    }
    assert.equal(madeEvent({ type, payload: payloadOf(2, 0x102n, operations, 'an order,text') }), undefined);
    assert.equal(madeEvent({ type: { ...type, codec: 'custom' }, payload }), undefined);
  });
});
