import { changeTopic } from './changing-topic.ts'
import { type Cluster, type NodeId, nodeIds } from './cluster.ts'

/** What is done to the cluster. */
export interface Strike {
  begin(): Promise<void>
  end(): Promise<void>
  /** Nothing can go on before the end: it comes after this time, and the time is taken from there. */
  readonly outageMs?: number
}

/** Finds out whom to strike, before the time is taken. */
export type Fault = (cluster: Cluster, application: string) => Promise<Strike>

const outageMs = 15_000
const waits = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const leader = async (cluster: Cluster) =>
  nodeIn(await cluster.tool('TopicCommand', '--describe', '--topic', 'orders'), /Leader: (\d)/)
const groupCoordinator = async (cluster: Cluster, application: string) =>
  nodeIn(
    await cluster.tool(
      'consumer.group.ConsumerGroupCommand',
      '--describe',
      '--state',
      '--group',
      application,
    ),
    /127\.0\.0\.1:\d+ +\((\d)\)/,
  )
/** Of one of the transactions: each task's may have another. */
const transactionCoordinator = async (cluster: Cluster, application: string) =>
  nodeIn(
    await cluster.tool('TransactionsCommand', 'list'),
    new RegExp(`^${application}\\S*\\s+(\\d)\\s`, 'm'),
  )
const controller = async (cluster: Cluster) =>
  nodeIn(await cluster.tool('MetadataQuorumCommand', 'describe', '--status'), /LeaderId: +(\d)/)

type Find = (cluster: Cluster, application: string) => Promise<NodeId>

/** Killed; it comes back when the others have gone on. */
function killed(find: Find): Fault {
  return async (cluster, application) => {
    const id = await find(cluster, application)
    return { begin: () => cluster.stop(id, 'SIGKILL'), end: () => cluster.start(id) }
  }
}

/** It is there, and answers nobody. */
const hang: Fault = async (cluster) => {
  const id = await leader(cluster)
  return {
    begin: async () => cluster.hang(id, 'SIGSTOP'),
    end: async () => cluster.hang(id, 'SIGCONT'),
  }
}

/** One after the other ends in order and comes back, when all are in sync again. */
const rollingRestart: Fault = async (cluster) => ({
  async begin() {
    for (const id of nodeIds) {
      await cluster.stop(id, 'SIGTERM')
      await cluster.start(id)
      await cluster.settled()
    }
  },
  end: async () => undefined,
})

/** Two of three are away: neither `min.insync.replicas` nor the controllers' majority is there. */
const tooFewInSync: Fault = async (cluster) => {
  const ids = nodeIds.slice(1)
  return {
    begin: async () => void (await Promise.all(ids.map((id) => cluster.stop(id, 'SIGKILL')))),
    end: async () => void (await Promise.all(ids.map((id) => cluster.start(id)))),
    outageMs,
  }
}

/** Every partition of the orders gets its replicas in another order, and so another leader. */
const reassignment: Fault = async (cluster) => {
  const first = await leader(cluster)
  return {
    async begin() {
      await cluster.reassign('orders', (partition) =>
        nodeIds.map((_, i) => nodeIds[(first + partition + i) % nodeIds.length] as NodeId),
      )
    },
    end: async () => undefined,
  }
}

/** All clients may read and write 20 kB a second; each waits for as long as its broker tells. */
const throttled: Fault = async (cluster) => {
  const alter = (...change: readonly string[]) =>
    cluster.tool('ConfigCommand', '--alter', '--entity-type', 'clients', '--entity-default', ...change)
  const rate = 20_000
  return {
    begin: async () =>
      void (await alter('--add-config', `producer_byte_rate=${rate},consumer_byte_rate=${rate}`)),
    end: async () => void (await alter('--delete-config', 'producer_byte_rate,consumer_byte_rate')),
    outageMs,
  }
}

/**
 * 100 ms there and back, and 2 % of the packets lost each way: what is lost holds up what follows it on its connection. It
 * stands for what `tc netem` does, which not every machine's kernel has.
 */
const slowAndLossy: Fault = async (cluster) => ({
  async begin() {
    cluster.quality = { delayMs: 50, loss: 0.02 }
    await waits(outageMs)
  },
  async end() {
    cluster.quality = { delayMs: 0, loss: 0 }
  },
})

/** Of another program. */
const topicChanged: Fault = async (cluster) => ({
  begin: () => changeTopic(cluster),
  end: async () => undefined,
})

export const faults: Readonly<Record<string, Fault>> = {
  'leader-killed': killed(leader),
  'group-coordinator-killed': killed(groupCoordinator),
  'transaction-coordinator-killed': killed(transactionCoordinator),
  'controller-killed': killed(controller),
  'rolling-restart': rollingRestart,
  hang,
  'too-few-in-sync': tooFewInSync,
  reassignment,
  throttled,
  'slow-and-lossy': slowAndLossy,
  'topic-changed': topicChanged,
}

function nodeIn(said: string, pattern: RegExp): NodeId {
  const id = nodeIds.find((each) => String(each) === pattern.exec(said)?.[1])
  if (!id) throw new Error(`no node is named in:\n${said}`)
  return id
}
