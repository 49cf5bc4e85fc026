import { filter, firstValueFrom, lastValueFrom, Observable } from 'rxjs'
import { messageOf } from '../errors.ts'
import type { StateStore } from '../state/store.ts'
import { type ReadOnlyWindowStore, WindowStore } from '../state/window-store.ts'
import type { Topology } from '../stream/topology.ts'
import { type Environment, settingsOf } from './environment.ts'
import type { RuntimeEvent } from './events.ts'
import { Instance, type StopOutcome } from './instance.ts'
import type { PipelineStatus } from './pipeline-status.ts'
import { type Queries, queriesOf } from './queries.ts'
import { statusOf } from './status.ts'
import { storePartsOf, storesOf } from './store-parts.ts'
import { type MetadataQueries, metadataQueriesOf } from './streams-metadata.ts'

export type { Environment, Processing } from './environment.ts'
export type { RuntimeEvent } from './events.ts'
export type { StopOutcome } from './instance.ts'

/** A topology that runs. */
export interface Running extends Queries, MetadataQueries {
  /** Resolves when topics and tables are there and this instance's first tasks run; never, if it ends before. */
  readonly started: Promise<void>
  /** Resolves after `stop`, rejects with the `RivuletError` that ended it. */
  readonly done: Promise<void>
  /**
   * Reads nothing more, writes and commits what was read, as far as `stopTimeoutMs` allows, and is over. Rejects, as `done`
   * does, with what it could not write.
   */
  stop(): Promise<StopOutcome>
  /** What happens, from now on; completes after `stop`, errors with what ended it. */
  readonly events$: Observable<RuntimeEvent>
  /** Whether it has started, or what it waits for, in a sentence. */
  ready(): { readonly ready: boolean; readonly why?: string }
  /** Where it stands at this moment: what `/api/pipeline` of a program answers. */
  status(): PipelineStatus
  /** Records that were fetched and are not processed yet, of all tasks. */
  bufferedRecords(): number
  /** The topic's real name, with the environment's prefix. */
  topicName(name: string): string
  /** This instance's parts of a store, one for each task. */
  stores(name: string): readonly StateStore[]
  /** This instance's parts of a window store, one for each task; empty for a name that is none. */
  windowStores<K, V>(name: string): readonly ReadOnlyWindowStore<K, V>[]
}

/**
 * Runs a topology until it is stopped or fails. Throws `BAD_CONFIG` for a number in the environment that is none, or by
 * which nothing could go on; what shows later, such as a connection that a sink needs and the environment does not
 * have, rejects `done`. Source: Kafka Streams `KafkaStreams.start`.
 *
 * @example
 * ```ts
 * const running = run(app, { kafka: connectKafka({ brokers: ['localhost:9092'], clientId: 'shop' }) })
 * process.once('SIGTERM', () => void running.stop())
 * await running.done
 * ```
 */
export function run(topology: Topology, environment: Environment): Running {
  const settings = settingsOf(environment)
  const instance = new Instance(topology, settings)
  const done = lastValueFrom(instance.events$, { defaultValue: undefined }).then(() => undefined)
  const started = firstValueFrom(instance.events$.pipe(filter(({ type }) => type === 'started'))).then(
    () => undefined,
  )
  started.catch(() => undefined) // `done` tells
  instance.start()
  return {
    started,
    done,
    events$: instance.events$,
    stop: () => instance.stop(),
    ready: () => {
      const why = instance.waitsFor
      return why === undefined ? { ready: true } : { ready: false, why }
    },
    status: () => statusOf(topology, instance, settings.clock.now()),
    bufferedRecords: () => bufferedIn(instance),
    topicName: (name) => `${settings.topicPrefix}${name}`,
    ...metadataQueriesOf(() => instance.metadata),
    ...queriesOf(topology, (store) => storePartsOf(instance, store)),
    stores: (name) => storesOf(instance, name),
    windowStores<K, V>(name: string) {
      // A store's types are known where the topology is written; here it is known by name.
      return storesOf(instance, name).filter(
        (store): store is WindowStore<K, V> => store instanceof WindowStore,
      )
    },
  }
}

/**
 * As `run`, as an observable: subscribing starts it, unsubscribing drains and stops it, what goes wrong is its error.
 *
 * @example
 * ```ts
 * const subscription = compile(app, { kafka }).subscribe((event) => console.log(event.type))
 * subscription.unsubscribe()
 * ```
 */
export function compile(topology: Topology, environment: Environment): Observable<RuntimeEvent> {
  return new Observable((subscriber) => {
    const settings = settingsOf(environment)
    const instance = new Instance(topology, settings)
    subscriber.add(instance.events$.subscribe(subscriber))
    subscriber.add(() => void instance.stop().catch((error) => settings.logger.error(messageOf(error))))
    instance.start()
  })
}

function bufferedIn({ tasks }: Instance): number {
  let sum = 0
  for (const { queues } of tasks) for (const { records } of queues) sum += records
  return sum
}
