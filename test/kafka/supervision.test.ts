import { connect, type Socket } from 'node:net'
import { firstValueFrom, toArray } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { connectKafka, type SocketFactory } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { onEachBroker } from './brokers.ts'
import { joinGroup } from './group-recorder.ts'
import { records, valuesOf } from './records.ts'

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 25_000, interval: 20 })

/** Sockets that a test can cut, as a network does: at both ends, in the middle of whatever they carry. */
function fragileSockets() {
  const open = new Set<Socket>()
  const socketFactory: SocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect)
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    return socket
  }
  const cutAll = () => {
    for (const socket of open) socket.destroy(new Error('cut'))
  }
  return { socketFactory, cutAll }
}

onEachBroker('a connection that breaks', (broker) => {
  test('costs no record and repeats none, however often it breaks', async () => {
    const { socketFactory, cutAll } = fragileSockets()
    const kafka = broker.connect({ socketFactory })
    const topic = await broker.topic(kafka, 2)
    const member = joinGroup(kafka, { groupId: broker.name('group'), topics: [topic] })
    await until(() => expect(member.owned.size).toBe(2))
    const producer = kafka.producer()
    const sends: Promise<unknown>[] = []
    const expected: string[] = []
    for (let i = 0; i < 150; i++) {
      const value = `${i} ${'x'.repeat(2_000)}`
      expected.push(value)
      sends.push(producer.send(topic, i % 2, records(value)))
      // Now with requests under way, now with their answers.
      if (i % 10 === 5) cutAll()
      if (i % 10 === 9) await sends[i - 9]
    }
    await Promise.all(sends)
    await until(() => expect(member.values.length).toBeGreaterThanOrEqual(expected.length))
    const logs = await Promise.all(
      [0, 1].map((partition) =>
        firstValueFrom(kafka.read(topic, partition, { toOffset: 75 }).pipe(toArray())),
      ),
    )
    for (const partition of [0, 1]) {
      expect(valuesOf(logs[partition] ?? [])).toEqual(expected.filter((_, i) => i % 2 === partition))
    }
    expect([...member.values].sort()).toEqual([...expected].sort())
    expect((await kafka.admin.offsets(topic)).map(({ endOffset }) => endOffset)).toEqual([75, 75])
    // Nobody took its partitions meanwhile.
    expect(member.events.filter(({ type }) => type === 'lost' || type === 'revoking')).toEqual([])
    await producer.close()
    await member.consumer.close()
  })

  test('is made anew when the broker comes back: producer, group and transactions go on', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const groupId = broker.name('group')
    const member = joinGroup(kafka, { groupId, topics: [topic] }, (event, { values }) => {
      // A broker may forget its members when it restarts (Apache Kafka does not): the reader begins again at what it
      // has committed.
      if (event.type === 'lost') values.length = 1
      if (event.type === 'revoking') event.done()
    })
    const producer = kafka.producer()
    const transactions = await kafka.transactionalProducer({ transactionalId: broker.name('tx') })
    await producer.send(topic, 0, records('before'))
    await until(() => expect(member.values).toEqual(['before']))
    await member.consumer.commit([{ topic, partition: 0, offset: 1 }])

    const restarted = broker.restart()
    const during = producer.send(topic, 0, records('during'))
    await restarted
    await during
    await producer.send(topic, 0, records('after'))
    await transactions.send(topic, 0, records('together'))
    await transactions.sendOffsets(`${groupId} of the transaction`, [{ topic, partition: 0, offset: 4 }])
    await transactions.commit()
    await until(() => expect(member.values).toEqual(['before', 'during', 'after', 'together']))
    await until(() => member.consumer.commit([{ topic, partition: 0, offset: 5 }]))
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toMatchObject([{ offset: 5 }])
    await transactions.close()
    await producer.close()
    await member.consumer.close()
  })

  test('is closed promptly, in the middle of a long poll', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const member = joinGroup(kafka, {
      groupId: broker.name('group'),
      topics: [topic],
      fetchWaitMsMax: 25_000,
    })
    await until(() => expect(member.events.some(({ type }) => type === 'fetched')).toBe(true))
    const startedMs = performance.now()
    await member.consumer.close()
    await kafka.close()
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})

test('a broker that is not there is tried again until the connection is closed, and the operator is told', async () => {
  const warnings: string[] = []
  const logger = silentLogger.child({})
  logger.warn = (...said: unknown[]) => warnings.push(said.map(String).join(' '))
  const troubles: (string | undefined)[] = []
  const kafka = connectKafka({
    brokers: ['127.0.0.1:1'],
    clientId: 'test',
    clock: systemClock,
    logger,
    onTrouble: (reason) => troubles.push(reason),
  })
  const counts = kafka.admin.partitionCounts(['t'])
  await until(() =>
    expect(warnings.join('\n')).toMatch(/Can't ask Kafka for its topics.*ECONNREFUSED.*trying again/),
  )
  expect(troubles[0]).toMatch(/Can't ask Kafka for its topics.*ECONNREFUSED/)
  await kafka.close()
  await expect(counts).rejects.toMatchObject({ code: 'KAFKA_FAILED' })
})

test('brokers that are no addresses are refused at once, with the name of the setting', () => {
  for (const brokers of [[], ['localhost'], ['host:port']]) {
    expect(() =>
      connectKafka({ brokers, clientId: 'test', clock: systemClock, logger: silentLogger }),
    ).toThrow(expect.objectContaining({ code: 'BAD_CONFIG', place: { parameter: 'kafkaBrokers' } }))
  }
})
