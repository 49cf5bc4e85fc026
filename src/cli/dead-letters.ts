import { RivuletError } from '../errors.ts'
import type { Kafka, OutgoingRecords, TransactionalProducer } from '../kafka/types.ts'
import { topicsOf } from '../runtime/topics-of.ts'
import { deadLetterTopicOf } from '../stream/topic-name.ts'
import type { Topology } from '../stream/topology.ts'
import { connect, type KafkaConfig } from './connect.ts'
import type { Io } from './io.ts'
import { chunksOf, type Letter, letterAt, lettersOf, partitionOf } from './letters.ts'

export interface DeadLettersOptions {
  readonly topicPrefix: string
  /** The place of a letter that is to be shown whole, such as `orders-dead-letters/0:17`. */
  readonly show?: string
  /** Sends those back that were not sent back before. */
  readonly resend: boolean
}

const positionsSuffix = 'dead-letters-position'

/**
 * Lists the dead letters of a topology, shows one, or sends them back to where they came from, each once: how far it has
 * come is committed together with what was sent. Answers 1 where the letter to be shown is not there.
 */
export async function deadLetters(
  topology: Topology,
  options: DeadLettersOptions,
  config: KafkaConfig,
  io: Io,
): Promise<number> {
  const kafka = connect(config, 'dead letters of an embedded one are read by the program alone')
  try {
    const topics = await letterTopics(topology, options.topicPrefix, kafka)
    const application = `${options.topicPrefix}${topology.name}`
    if (options.show !== undefined) return await show(kafka, topics, options.show, io)
    if (options.resend) return await resend(kafka, topics, application, io)
    return await list(kafka, topics, await sentBack(kafka, positionsTopic(application)), io)
  } finally {
    await kafka.close()
  }
}

/** Those that are there, in order. */
async function letterTopics(
  topology: Topology,
  topicPrefix: string,
  kafka: Kafka,
): Promise<readonly string[]> {
  const made = await topicsOf(topology, topicPrefix)
  const declared = new Set(made.filter(({ purpose }) => purpose === 'dead letters').map(({ name }) => name))
  const own = new Set(made.map(({ name }) => deadLetterTopicOf(name)))
  const suffix = deadLetterTopicOf('')
  const isFound = (name: string) =>
    topology.nodes.some(
      (node) =>
        node.type === 'topic-source' &&
        node.pattern?.test(name.slice(topicPrefix.length, -suffix.length)) === true,
    )
  const names = await kafka.admin.topicNames()
  return names
    .filter((name) => name.startsWith(topicPrefix))
    .filter((name) => declared.has(name) || (name.endsWith(suffix) && (own.has(name) || isFound(name))))
    .toSorted()
}

async function list(
  kafka: Kafka,
  topics: readonly string[],
  sent: ReadonlyMap<string, number>,
  io: Io,
): Promise<number> {
  let count = 0
  for (const topic of topics) {
    for await (const letters of lettersOf(kafka, topic)) {
      for (const letter of letters) {
        count++
        io.out(`${lineOf(letter, letter.offset < (sent.get(partitionOf(letter)) ?? 0))}\n`)
      }
    }
  }
  io.out(`${count} dead letters in ${topics.join(', ') || 'no topic'}\n`)
  return 0
}

async function show(kafka: Kafka, topics: readonly string[], place: string, io: Io): Promise<number> {
  const [, topic = '', partition, offset] = /^(.+)\/(\d+):(\d+)$/.exec(place) ?? []
  if (!topics.includes(topic)) {
    throw new RivuletError(
      'BAD_CONFIG',
      `--show takes the place of a dead letter, such as ${topics[0] ?? 'orders-dead-letters'}/0:17, not "${place}"`,
    )
  }
  const letter = await letterAt(kafka, topic, Number(partition), Number(offset))
  if (!letter) {
    io.err(`there is no dead letter at ${place}\n`)
    return 1
  }
  const { key, value, timestampMs, headers } = letter
  const told = headers.map(([name, content]) => `${name}: ${content?.toString() ?? 'null'}`)
  const parts = [`time: ${new Date(timestampMs).toISOString()}`, ...told, `key: ${textOf(key)}`]
  io.out(`${[...parts, '', textOf(value)].join('\n')}\n`)
  return 0
}

async function resend(kafka: Kafka, topics: readonly string[], application: string, io: Io): Promise<number> {
  const positions = positionsTopic(application)
  await kafka.admin.ensureTopics([
    { name: positions, partitions: 1, config: { 'cleanup.policy': 'compact', 'retention.ms': '-1' } },
  ])
  // Who does the same at this moment is shut out before it is asked how far it has come.
  const producer = await kafka.transactionalProducer({ transactionalId: positions })
  try {
    const sent = await sentBack(kafka, positions)
    for (const topic of topics) {
      for await (const letters of lettersOf(kafka, topic)) {
        const due = letters.filter((letter) => letter.offset >= (sent.get(partitionOf(letter)) ?? 0))
        if (due.length > 0) await sendBack(producer, due, positions, io)
      }
    }
    return 0
  } finally {
    await producer.close()
  }
}

/** In one transaction with the place behind them. */
async function sendBack(
  producer: TransactionalProducer,
  letters: readonly Letter[],
  positions: string,
  io: Io,
): Promise<void> {
  const sending: Promise<unknown>[] = []
  const said: string[] = []
  for (const letter of letters) {
    const why = whyNot(letter)
    said.push(
      why === undefined ? `sent back  ${lineOf(letter, false)}\n` : `left       ${letter.place}: ${why}\n`,
    )
    if (why !== undefined || !letter.origin) continue
    const { topic, partition, headers } = letter.origin
    sending.push(producer.send(topic, partition, one({ ...letter, headers })))
  }
  const last = letters.at(-1) as Letter
  const position = { key: Buffer.from(partitionOf(last)), value: Buffer.from(String(last.offset + 1)) }
  sending.push(producer.send(positions, 0, one({ ...position, timestampMs: last.timestampMs, headers: [] })))
  await Promise.all(sending)
  await producer.commit()
  for (const line of said) io.out(line)
}

/** Undefined: it can be sent back. */
function whyNot({ origin }: Letter): string | undefined {
  if (!origin) return 'it came of a source, which alone can send it again'
  return origin.isCut
    ? 'the record was too large for its dead letter, and a part of it is missing'
    : undefined
}

/** How far each partition of dead letters was sent back. */
async function sentBack(kafka: Kafka, positions: string): Promise<ReadonlyMap<string, number>> {
  const sent = new Map<string, number>()
  if (!(await kafka.admin.partitionCounts([positions])).has(positions)) return sent
  for await (const { keys, values } of chunksOf(kafka, positions))
    for (let i = 0; i < keys.length; i++) sent.set(String(keys.at(i)), Number(values.at(i)))
  return sent
}

function lineOf({ place, origin }: Letter, isSent: boolean): string {
  const sent = isSent ? '  (sent back)' : ''
  if (!origin) return `${place}${sent}  of a source`
  const { topic, partition, offset, step, stackHash, reason } = origin
  return [`${place}${sent}`, `${topic}/${partition}:${offset}`, step, stackHash, reason.split('\n')[0]].join(
    '  ',
  )
}

function positionsTopic(application: string): string {
  return `${application}-${positionsSuffix}`
}

function one({
  key,
  value,
  timestampMs,
  headers,
}: Omit<Letter, 'place' | 'offset' | 'origin'>): OutgoingRecords {
  return { keys: [key], values: [value], timestampsMs: [timestampMs], headers: [headers] }
}

function textOf(bytes: Buffer | null): string {
  return bytes === null ? 'null' : bytes.toString()
}
