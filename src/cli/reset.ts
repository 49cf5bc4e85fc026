import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDataFolder } from '../data-folder.ts'
import { RivuletError } from '../errors.ts'
import type { KafkaAdmin } from '../kafka/types.ts'
import { sourceGroupOf } from '../runtime/source-group.ts'
import { topicsOf } from '../runtime/topics-of.ts'
import type { Topology } from '../stream/topology.ts'
import { connect, type KafkaConfig } from './connect.ts'
import type { Io } from './io.ts'

export type ResetConfig = KafkaConfig & { readonly dataDir: string }

export interface ResetOptions {
  readonly topicPrefix: string
  /** Does not ask. */
  readonly yes: boolean
}

/** All that a topology has stored for itself. */
interface Stored {
  readonly group: string
  readonly topics: readonly string[]
  readonly folders: readonly string[]
}

/**
 * Makes a topology begin anew: forgets what its group has committed, its repartition topics and changelogs, and its state
 * on this disk, once somebody has said yes. Its inputs and outputs stay as they are, and the positions of its sources with
 * them: what was emitted is not emitted again. Answers 1 where nobody did. Throws
 * while the group has members. Source: Kafka Streams' `kafka-streams-application-reset`.
 */
export async function resetTopology(
  topology: Topology,
  { topicPrefix, yes }: ResetOptions,
  config: ResetConfig,
  io: Io,
): Promise<number> {
  const { kafkaBrokers: brokers = [], dataDir } = config
  const kafka = connect(
    config,
    "where it is embedded, all it has lies in the program's data folder: remove that",
  )
  // Whoever runs on the folder has state in it that is not to be taken away under them.
  const data = existsSync(dataDir) ? openDataFolder(dataDir) : undefined
  try {
    const stored = await storedOf(topology, topicPrefix, dataDir, kafka.admin)
    for (const group of [stored.group, sourceGroupOf(stored.group)])
      await refuseWhileRunning(group, kafka.admin)
    io.out(asText(stored, topology, brokers))
    if (!yes && !/^y(es)?$/i.test((await io.ask('Delete all of this? (yes/no) ')).trim())) {
      io.err('nothing was deleted\n')
      return 1
    }
    for (const folder of stored.folders) rmSync(folder, { recursive: true, force: true })
    await kafka.admin.deleteTopics(stored.topics)
    await kafka.admin.deleteGroup(stored.group)
    io.out(`${topology.name} begins anew\n`)
    return 0
  } finally {
    await kafka.close()
    data?.release()
  }
}

async function storedOf(
  topology: Topology,
  topicPrefix: string,
  dataDir: string,
  admin: KafkaAdmin,
): Promise<Stored> {
  const group = `${topicPrefix}${topology.name}`
  const own = (await topicsOf(topology, topicPrefix)).filter(
    ({ purpose }) => purpose === 'repartition' || purpose === 'changelog',
  )
  const present = await admin.partitionCounts(own.map(({ name }) => name))
  return { group, topics: [...present.keys()], folders: stateFolders(dataDir, group) }
}

/** A program keeps the state of each of its runs in a folder of the run; a topology of one's own, where it was told to. */
function stateFolders(dataDir: string, application: string): string[] {
  const runs = existsSync(dataDir) ? readdirSync(dataDir).map((run) => join(dataDir, run, 'state')) : []
  return [dataDir, ...runs].map((folder) => join(folder, application)).filter((folder) => existsSync(folder))
}

async function refuseWhileRunning(group: string, admin: KafkaAdmin): Promise<void> {
  const members = await admin.groupMembers(group)
  if (members.length === 0) return
  throw new RivuletError(
    'KAFKA_FAILED',
    `the group "${group}" has ${members.length} member${members.length === 1 ? '' : 's'} (${members.join(', ')}): stop them first; who was killed is forgotten after 10 s`,
  )
}

function asText(
  { group, topics, folders }: Stored,
  { name, nodes }: Topology,
  brokers: readonly string[],
): string {
  const lines = [
    `To let ${name} begin anew on ${brokers.join(', ')}:`,
    `  group   ${group}, with all that it has committed`,
    ...topics.map((topic) => `  topic   ${topic}`),
    ...folders.map((folder) => `  folder  ${folder}`),
    'The topics that it reads and writes stay as they are, and so do the positions of its sources.',
  ]
  const sinks = nodes.filter((node) => node.type === 'external-sink').map((node) => `"${node.name}"`)
  if (sinks.length > 0)
    lines.push(
      `What ${sinks.join(' and ')} wrote stays, too, and with it, where it went on from: see to that yourself.`,
    )
  return `${lines.join('\n')}\n`
}
