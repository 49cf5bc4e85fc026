import { abortedWith } from '../aborted.ts'
import { RivuletError } from '../errors.ts'
import type { PartitionRange } from '../kafka/types.ts'
import type { InstanceContext } from './instance-context.ts'
import type { InputLayout, SubTopologyLayout } from './layout.ts'
import type { SinkWriters } from './sink-writers.ts'

/** An external system that is away must not keep the sources from writing to Kafka. */
const sinksCheckMsMax = 3_000

/** How far somebody says to have read a partition. */
export interface Remembered {
  /** Undefined: nothing yet. */
  readonly offset: number | undefined
  /** Who says so, for the error. */
  readonly by: string
}

/**
 * Whoever remembers more of a topic than it has (its end was lost, or it was made anew) must be heard before anything
 * is appended: later the topic would have that offset again, and what lies there would be taken for known. A sink that
 * can't be asked soon is not waited for: what it says then fails the instance, held to where the topics ended before
 * if nobody else can have brought the sink further since.
 */
export async function checkRemembered(
  context: InstanceContext,
  sinks: SinkWriters,
  isAloneSince: (emptyMs: number) => Promise<boolean>,
): Promise<void> {
  await checkGroup(context)
  const { settings, over, failed } = context
  const emptyMs = settings.clock.now()
  const before = await endsBefore(context)
  const endsThen = async () => (before && (await isAloneSince(emptyMs)) ? before : undefined)
  const checked = checkSinks(context, sinks, endsThen)
  const waited = abortedWith(over)
  const tooLong = settings.clock.sleep(sinksCheckMsMax, waited.signal)
  await Promise.race([checked, tooLong.catch(() => undefined)]).finally(() => waited.abort())
  checked.catch(failed)
}

/** Where to read on. Throws where the topic can't be the one of which somebody remembers the offset. */
export async function positionIn(
  context: InstanceContext,
  input: InputLayout,
  partition: number,
  remembered: Remembered,
): Promise<number> {
  const { settings, statistics, logger } = context
  const { topic } = input
  const ranges = await settings.kafka.admin.offsets(topic)
  const range = ranges.find((each) => each.partition === partition)
  const { offset } = remembered
  if (!range) return 0
  if (offset === undefined) return beginningOf(input, range, context)
  checkWithin(topic, range, remembered)
  if (offset < range.lowOffset) {
    statistics.count('records_deleted_unread', range.lowOffset - offset)
    logger.warn({ topic, partition, from: offset, to: range.lowOffset }, 'deleted before it was read')
  }
  return Math.max(offset, range.lowOffset)
}

/** Of a partition of which nobody remembers anything. */
async function beginningOf(
  { topic, node }: InputLayout,
  { partition, lowOffset, endOffset }: PartitionRange,
  { settings }: InstanceContext,
): Promise<number> {
  const offsetReset = (node.type === 'topic-source' && node.offsetReset) || 'earliest'
  if (offsetReset === 'earliest') return lowOffset
  if (offsetReset === 'latest') return endOffset
  const { kafka, clock } = settings
  return kafka.admin.offsetAt({ topic, partition }, Math.max(0, clock.now() - offsetReset.byDurationMs))
}

async function checkGroup(context: InstanceContext): Promise<void> {
  const { layout, settings } = context
  const streams = layout.subTopologies.filter(({ subTopology }) => subTopology.kind === 'stream')
  const topics = new Set(streams.flatMap(({ inputs }) => inputs.map(({ topic }) => topic)))
  const committed = await settings.kafka.admin.committedOffsets(layout.application, [...topics])
  for (const stream of streams) {
    await checkInputs(context, stream, async (topic, partition) => {
      const found = committed.find((each) => each.topic === topic && each.partition === partition)
      return { offset: found?.offset, by: 'the group' }
    })
  }
}

/** The sinks' inputs as they are before this instance appends to any of them, by topic. */
type EndsBefore = ReadonlyMap<string, readonly PartitionRange[]>

/** Undefined where others are at work already, who may bring a sink further meanwhile. */
async function endsBefore({ layout, settings }: InstanceContext): Promise<EndsBefore | undefined> {
  const { admin } = settings.kafka
  const sinks = layout.subTopologies.filter(({ subTopology }) => subTopology.kind === 'sink')
  if (sinks.length === 0 || (await admin.groupMembers(layout.application)).length > 0) return undefined
  const topics = new Set(sinks.flatMap(({ inputs }) => inputs.map(({ topic }) => topic)))
  const ends = [...topics].map(async (topic) => [topic, await admin.offsets(topic)] as const)
  return new Map(await Promise.all(ends))
}

async function checkSinks(
  context: InstanceContext,
  sinks: SinkWriters,
  endsThen: () => Promise<EndsBefore | undefined>,
): Promise<void> {
  await Promise.all(
    context.layout.subTopologies.map(async (layout) => {
      if (layout.subTopology.kind !== 'sink') return
      const { sink: node } = layout.subTopology
      await sinks.pass(node, (writer) =>
        checkInputs(
          context,
          layout,
          async (topic, partition) => {
            return { offset: await writer.resumeOffset(topic, partition), by: node.sink.name }
          },
          endsThen,
        ),
      )
    }),
  )
}

async function checkInputs(
  { settings, over }: InstanceContext,
  { tasks, inputs }: SubTopologyLayout,
  rememberedOf: (topic: string, partition: number) => Promise<Remembered>,
  endsThen: () => Promise<EndsBefore | undefined> = async () => undefined,
): Promise<void> {
  for (const { topic } of inputs) {
    const remembered: Remembered[] = []
    for (let partition = 0; partition < tasks; partition++)
      remembered.push(await rememberedOf(topic, partition))
    // Behind them: another instance goes on meanwhile, and what is remembered then is not yet in an end that was asked for before.
    for (const range of await settings.kafka.admin.offsets(topic))
      checkWithin(topic, range, remembered[range.partition])
    const thenIn = async () => (await endsThen())?.get(topic) ?? []
    const wasWithin = ({ partition, endOffset }: PartitionRange) =>
      (remembered[partition]?.offset ?? 0) <= endOffset
    if ((await thenIn()).every(wasWithin)) continue
    // Who was frozen may have written since, and not yet know that the group has forgotten it: by then it is back, and this
    // instance is not alone any more.
    await settings.clock.sleep(settings.sessionTimeoutMs, over)
    // It still is: nobody has written into the sink since, and what it remembers, it remembered then.
    for (const range of await thenIn()) checkWithin(topic, range, remembered[range.partition])
  }
}

function checkWithin(
  topic: string,
  { partition, endOffset }: PartitionRange,
  { offset = 0, by }: Partial<Remembered> = {},
): void {
  if (offset <= endOffset) return
  const message = `${by} has read ${topic}/${partition} up to ${offset}, but it ends at ${endOffset}: the topic has lost its end, or was made anew. Give it back what it had, or begin with a new data folder and new tables`
  throw new RivuletError('KAFKA_FAILED', message, { place: { topic, partition, offset } })
}
