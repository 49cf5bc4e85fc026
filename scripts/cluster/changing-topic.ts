import { connectKafka, messageOf, run, serdes, silentLogger, topic, topology } from 'rivulet'
import type { Cluster } from './cluster.ts'

const [partitionsBefore, partitionsAfter] = [2, 4]
const recordsEach = 50
/** Partitions are looked for each half minute; a topic that is not there is waited for as long. */
const waitMsMax = 120_000
let programs = 0

const waits = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * A program of its own whose topic gets more partitions while it reads it, and then vanishes. Throws unless it reads all of
 * them, each record once, and then says what has become of its topic.
 */
export async function changeTopic(cluster: Cluster): Promise<void> {
  const application = `changing-${++programs}`
  const text = { key: serdes.string, value: serdes.string, partitions: partitionsBefore }
  const [input, output] = [topic(`${application}-in`, text), topic(`${application}-out`, text)]
  const app = topology(application, ({ stream }) => {
    stream(input).to(output)
  })
  const kafka = connectKafka({
    brokers: cluster.brokers.split(','),
    clientId: application,
    logger: silentLogger,
  })
  const running = run(app, { kafka, logger: silentLogger })
  const ended = running.done.then(
    () => 'it ended as if nothing were wrong',
    (error: unknown) => messageOf(error),
  )
  const producer = kafka.producer()
  const fill = async (partitions: number) => {
    for (let partition = 0; partition < partitions; partition++) {
      const values = Array.from({ length: recordsEach }, (_, i) =>
        Buffer.from(`${partitions} ${partition} ${i}`),
      )
      const timestampsMs = values.map(() => Date.now())
      await producer.send(input.name, partition, { keys: values, values, timestampsMs })
    }
  }
  try {
    await running.started
    await fill(partitionsBefore)
    const grow = ['--alter', '--topic', input.name, '--partitions', `${partitionsAfter}`]
    await cluster.tool('TopicCommand', ...grow)
    await until(
      () => running.status().partitions.length === partitionsAfter,
      'its new partitions are not read',
    )
    await fill(partitionsAfter)
    const found = new Set<string>()
    let records = 0
    const all = recordsEach * (partitionsBefore + partitionsAfter)
    const reads = [0, 1].map((partition) =>
      kafka.read(output.name, partition, { fromOffset: 0, toOffset: 'follow' }).subscribe(({ chunk }) => {
        for (const value of chunk.values) found.add(String(value))
        records += chunk.values.length
      }),
    )
    await until(() => found.size === all, 'not all records came out')
    await running.started
    for (const read of reads) read.unsubscribe()
    if (records !== all) throw new Error(`${application}: ${records} records came out of ${all}`)
    await cluster.tool('TopicCommand', '--delete', '--topic', input.name)
    const said = await Promise.race([ended, waits(waitMsMax).then(() => 'nothing')])
    if (!/was deleted/.test(said))
      throw new Error(`${application}: of its topic that is gone it says: ${said}`)
  } finally {
    await running.stop().catch(() => undefined) // it has ended by itself
    await producer.close()
    await kafka.close()
  }

  async function until(isSo: () => boolean, otherwise: string): Promise<void> {
    const untilMs = performance.now() + waitMsMax
    while (!isSo()) {
      if (performance.now() > untilMs) throw new Error(`${application}: ${otherwise}`)
      await waits(50)
    }
  }
}
