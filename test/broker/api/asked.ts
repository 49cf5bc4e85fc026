import { serveNode } from '../../../src/broker/broker.ts'
import { openNode } from '../../../src/broker/node.ts'
import { brokerConfig } from '../../../src/broker/options.ts'
import { Reader } from '../../../src/broker/protocol/reader.ts'
import { MemoryDirectory } from '../../../src/storage/memory.ts'
import { duplexPair } from '../duplex-pair.ts'
import { virtualClock } from '../support.ts'

/** A broker in memory with the topic `orders` of two partitions, to be asked byte by byte. */
export async function brokerToAsk(directory = new MemoryDirectory(virtualClock())) {
  const clock = virtualClock()
  const config = brokerConfig({ clock })
  const node = await openNode(directory, config)
  if (!node.services.topics.get('orders'))
    node.services.topics.create(
      { name: 'orders', partitionCount: 2, replicationFactor: 1, config: {} },
      false,
    )
  const served = serveNode(node, config)

  /** What is answered to a request in a flexible version, or another one, behind the header. */
  const ask = async (request: string, { isFlexible = true } = {}): Promise<Reader> => {
    const [client, broker] = duplexPair()
    const frame = Buffer.from(request, 'hex')
    const length = Buffer.alloc(4)
    length.writeInt32BE(frame.length)
    const gone = served.serve(broker, 'test')
    const answer = new Promise<Buffer>((resolve, reject) => {
      let bytes = Buffer.alloc(0)
      client.on('data', (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk])
        if (bytes.length >= 4 && bytes.length === 4 + bytes.readInt32BE(0)) resolve(bytes.subarray(8))
      })
      client.once('end', () => reject(new Error('the broker has hung up')))
    })
    client.write(Buffer.concat([length, frame]))
    const reader = new Reader(await answer, isFlexible)
    reader.tags()
    client.destroy()
    broker.destroy()
    await gone
    return reader
  }
  return { clock, directory, node, ask, close: () => served.close() }
}

/** Nothing is left but the tags at the end, if any. */
export function isAtItsEnd(reader: Reader): boolean {
  reader.tags()
  return reader.remainingBytes === 0
}
