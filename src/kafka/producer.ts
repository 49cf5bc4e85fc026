import { RivuletError } from '../errors.ts'
import { Appender, checkRecords, type Identity } from './appender.ts'
import type { Cluster } from './cluster.ts'
import { persist } from './persist.ts'
import type { KafkaProducer, ProducerOptions } from './types.ts'

let producers = 0

/** Idempotent: each record once and in order, whatever has to be repeated. */
export function createProducer(cluster: Cluster, options: ProducerOptions = {}): KafkaProducer {
  const use = `producer ${++producers}`
  const { signal } = options
  let identity: Promise<Identity> | undefined
  let registered: Identity | undefined
  let closed = false

  const initialize = async () => {
    registered = await persist(
      () =>
        cluster.withAny(use, "Can't register a producer", (link) =>
          link.broker.initProducerId({ transactionalId: null, transactionTimeout: 0 }),
        ),
      { kafka: cluster.options, signal },
    )
    return registered
  }
  const appender = new Appender({
    cluster,
    use,
    transactionalId: null,
    compression: options.compression,
    bytesInFlightMax: options.bytesInFlightMax ?? 32 * 1024 * 1024,
    signal,
    identity: () => {
      identity ??= initialize().catch((error) => {
        identity = undefined
        throw error
      })
      return identity
    },
    renew: (stale) => {
      // Several partitions find it out; the first one makes the new identity.
      if (registered === stale) identity = undefined
    },
  })

  return {
    async send(topic, partition, records, refused) {
      if (closed) throw new RivuletError('KAFKA_FAILED', 'This producer is closed')
      checkRecords(topic, partition, records)
      return appender.append(topic, partition, records, refused)
    },
    ready: () => appender.ready(),
    get bytesInFlight() {
      return appender.bytesInFlight
    },
    async close() {
      closed = true
      await appender.idle()
      cluster.closeUse(use)
    },
  }
}
