import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { VirtualTimeScheduler } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createClock } from '../../src/clock.ts'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'

/** Takes connections, and says nothing on them until it is let. */
async function silentProxy(port: number) {
  const held: Socket[] = []
  const server = createServer((socket) => held.push(socket)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    held,
    let() {
      for (const socket of held.splice(0)) socket.pipe(connect(port, '127.0.0.1')).pipe(socket)
    },
    close() {
      for (const socket of held) socket.destroy()
      server.close()
    },
  }
}

test('a node that takes connections and says nothing is told of after 2 s, once, and when it answers', async () => {
  const broker = await startBroker()
  const proxy = await silentProxy(broker.port)
  const scheduler = new VirtualTimeScheduler()
  const troubles: (string | undefined)[] = []
  const said: string[] = []
  const logger = silentLogger.child({})
  logger.warn = (...words: unknown[]) => said.push(words.map(String).join(' '))
  logger.info = logger.warn
  const kafka = connectKafka({
    brokers: [`127.0.0.1:${proxy.port}`],
    clientId: 'test',
    clock: createClock(scheduler),
    logger,
    onTrouble: (reason) => troubles.push(reason),
  })
  const counts = kafka.admin.partitionCounts(['t'])
  await vi.waitFor(() => expect(proxy.held).toHaveLength(1))

  scheduler.maxFrames = 1_999
  scheduler.flush()
  await Promise.resolve()
  expect([troubles, said]).toEqual([[], []])

  scheduler.maxFrames = 2_000
  scheduler.flush()
  await vi.waitFor(() => expect(said).toHaveLength(1))
  const sentence = `Kafka at 127.0.0.1:${proxy.port} has not answered for 2 s`
  expect([troubles, said]).toEqual([[sentence], [`${sentence}; trying again`]])

  proxy.let()
  expect(await counts).toEqual(new Map())
  expect(troubles).toEqual([sentence, undefined])
  expect(said.at(-1)).toContain('Kafka answers again')
  await kafka.close()
  proxy.close()
  await broker.close()
})
