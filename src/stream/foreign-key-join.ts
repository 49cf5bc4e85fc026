import { answerForeignKey, respondForeignKey, subscribeForeignKey } from '../operators/foreign-key-join.ts'
import type { Subscription, SubscriptionResponse } from '../records/foreign-key-messages.ts'
import { responseSerde, subscriptionSerde } from '../serdes/foreign-key-serdes.ts'
import type { Serde } from '../serdes/serde.ts'
import { nullable, serdes } from '../serdes/serdes.ts'
import type { StoreType } from '../state/store.ts'
import { mapKeyOf } from '../state/store.ts'
import { subscriptionStore } from '../state/subscription-store.ts'
import { checkOneTopology, type Stage, untyped } from './builder.ts'
import { sourceTable } from './source-table.ts'
import type { TableStage } from './table-rows.ts'
import { asTopicName } from './topic-name.ts'

/** Says which row of the other table belongs to a record or row; null: none. */
export interface ForeignKey<K, V, FK> {
  /** The key of the other table's row; null: none. */
  readonly foreignKey: (value: V, key: K) => NoInfer<FK> | null
}

export interface ForeignKeyJoinSpec<K, L, FK, R, J> extends ForeignKey<K, L, FK> {
  readonly kind: string
  readonly name?: string
  readonly joiner: (left: L | null, right: R | null, key: K) => J | null
  /** Whether left rows without a right one have a result. */
  readonly left: boolean
  readonly store?: string
  readonly storeType?: StoreType
  readonly value?: Serde<J>
}

/**
 * Joins each left row with the right row that its foreign key names. The two may live in different tasks: a left row
 * subscribes through one internal topic, and the right row answers through another, `<name>-subscription-registration`
 * and `-response`. Source: Kafka Streams' foreign-key join, KIP-213.
 */
export function joinByForeignKey<K, L, FK, R, J>(
  left: TableStage<K, L>,
  right: TableStage<FK, R>,
  spec: ForeignKeyJoinSpec<K, L, FK, R, J>,
): TableStage<K, J> {
  const { builder } = left.stage
  const { graph } = builder
  const { kind, foreignKey, joiner, left: outer } = spec
  const name = spec.name ?? spec.store ?? graph.freeName(kind)
  checkOneTopology(left.stage, right.stage, name)
  left.rows.sendOldValues(true)
  const leftView = left.rows.view()
  const rightView = right.rows.view()
  const key = left.stage.key
  const mapKey = mapKeyOf(right.stage.key)
  const subscriptions = subscriptionStore({ name: `${name}-subscriptions`, foreignKey: right.stage.key, key })

  const subscribed = graph.add({
    type: 'operator',
    kind: 'subscribe',
    name: `${name} subscribe`,
    inputs: [left.stage.port],
    stores: [],
    expands: true,
    stateless: true,
    connect: (context) => {
      const { versioned } = left.rows
      const sameKey = (a: FK, b: FK) => mapKey(a) === mapKey(b)
      return [
        untyped(
          subscribeForeignKey<K, L, FK>(
            { foreignKey, sameKey, left: left.stage.value, outer, versioned },
            context,
          ),
        ),
      ]
    },
  })
  const registered: Stage<FK | null, Subscription<K>> = throughInternalTopic(
    {
      builder,
      port: subscribed,
      key: nullable(right.stage.key),
      value: subscriptionSerde(key),
      rekeyed: true,
    },
    `${name}-subscription-registration`,
  )
  const answered = graph.add({
    type: 'operator',
    kind: 'answer',
    name: `${name} answer`,
    inputs: [registered.port, right.stage.port],
    stores: [...new Set([subscriptions, ...rightView.stores])],
    expands: true,
    stateless: false,
    connect(context) {
      const options = { subscriptions, right: rightView.open, versioned: right.rows.versioned }
      const [toSubscriptions, toRight] = answerForeignKey<FK, K, R>(options, context)
      return [untyped(toSubscriptions), untyped(toRight)]
    },
  })
  const responded: Stage<K, SubscriptionResponse<R>> = throughInternalTopic(
    { builder, port: answered, key, value: responseSerde(right.stage.value), rekeyed: true },
    `${name}-subscription-response`,
    // Back to where the left row lives, however its topic is partitioned.
    ({ partition }) => partition,
  )
  const joined = graph.add({
    type: 'operator',
    kind,
    name,
    inputs: [responded.port],
    stores: leftView.stores,
    expands: false,
    stateless: false,
    connect: (context) => [
      untyped(
        respondForeignKey<K, L, R, J>(
          { rows: leftView.open, left: left.stage.value, joiner, outer },
          context,
        ),
      ),
    ],
  })
  const value = spec.value ?? serdes.json<J>()
  return sourceTable(
    { builder, port: joined, key, value, rekeyed: false },
    {
      kind: 'foreignKeyResult',
      name: `${name} result`,
      ...(spec.store !== undefined && { store: spec.store }),
      ...(spec.storeType !== undefined && { storeType: spec.storeType }),
    },
  )
}

function throughInternalTopic<K, V>(
  stage: Stage<K, V>,
  name: string,
  partition?: (value: V) => number,
): Stage<K, V> {
  const topicName = asTopicName(name)
  const port = stage.builder.graph.add({
    type: 'repartition',
    kind: 'foreignKey',
    name: topicName,
    input: stage.port,
    topicName,
    key: stage.key,
    value: stage.value,
    nullKeys: true,
    ...(partition && { partitionOf: { partition } }),
  })
  return { ...stage, port, rekeyed: false }
}
