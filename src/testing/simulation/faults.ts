/**
 * What can go wrong in a simulation. `kill`: an instance dies, and another one starts later. `freeze`: one stands still for
 * a while, as under SIGSTOP. `cut`: a connection of an instance ends. `stall`: what an instance sends on a connection comes
 * late, also if it has given up on it. `lose-answers`: nothing comes back on a connection any more. `kill-broker`: the broker
 * dies, and starts again. `power-loss`: so it does, and what was not on the medium is gone. `clock-jump`: an instance's clock
 * is set. `slow-network`: whatever is sent takes longer. `slow-disk`: so does whatever the broker brings to its medium. Where
 * there are several brokers: `kill-node`: one of them dies, and comes back. `hang-node`: one stands still for a while.
 * `move-leader`, `move-coordinator`: another one leads a partition, or coordinates some of the groups and transactions.
 * `lose-end`: a topic loses its newest records, as by an unclean election: not by default, as no application can go on as if
 * nothing had happened. `add-partitions`: an input gets more partitions: not by default, as stateful topologies refuse to go on.
 * `instance-power-loss`, `disk-loss`: an instance dies, and the one that starts later finds on its disk what was on the medium,
 * or nothing. `disk-full`: nothing more can be written there for a while. `deploy`: one instance after another
 * is stopped, and starts again with the next version of the topology; one that is frozen can't be stopped, and may wake up
 * behind its successor.
 * `break-feed`: what a source listens to closes its connections, or what it sends comes late, or not at all any more.
 */
export const faultKinds = [
  'kill',
  'freeze',
  'cut',
  'stall',
  'lose-answers',
  'kill-broker',
  'power-loss',
  'clock-jump',
  'kill-node',
  'move-leader',
  'move-coordinator',
  'lose-end',
  'add-partitions',
  'instance-power-loss',
  'disk-loss',
  'disk-full',
  'deploy',
  'break-feed',
  'slow-network',
  'slow-disk',
  'hang-node',
] as const
/** One of `faultKinds`. */
export type FaultKind = (typeof faultKinds)[number]

/** One fault of a plan: plain data, so that a failing plan can be shown, shortened and repeated. */
export interface Fault {
  /** When, from the start of the plan. */
  readonly atMs: number
  /** What goes wrong. */
  readonly kind: FaultKind
  /**
   * Not then, but when the instance sends its next request of this kind, which is then the first that it befalls. Source:
   * Kafka's API keys.
   */
  readonly atRequest?: number
  /** Which of those that there are by then, as a number in [0, 1). */
  readonly pick: number
  /** How long it lasts, where it is one that does; of a jump, how far. */
  readonly forMs: number
}

/** How many of each kind to expect in a minute. */
export type FaultRates = Readonly<Record<FaultKind, number>>

export const noFaults: FaultRates = {
  kill: 0,
  freeze: 0,
  cut: 0,
  stall: 0,
  'lose-answers': 0,
  'kill-broker': 0,
  'power-loss': 0,
  'clock-jump': 0,
  'kill-node': 0,
  'move-leader': 0,
  'move-coordinator': 0,
  'lose-end': 0,
  'add-partitions': 0,
  'instance-power-loss': 0,
  'disk-loss': 0,
  'disk-full': 0,
  deploy: 0,
  'break-feed': 0,
  'slow-network': 0,
  'slow-disk': 0,
  'hang-node': 0,
}

export const defaultRates: FaultRates = {
  ...noFaults,
  kill: 3,
  freeze: 2,
  cut: 8,
  stall: 6,
  'lose-answers': 3,
  'kill-broker': 1,
  'instance-power-loss': 1,
  'disk-loss': 0.2,
  'disk-full': 0.2,
  deploy: 0.2,
  'slow-network': 1,
}

/** Where there are several brokers. */
export const clusterRates = {
  ...defaultRates,
  'kill-node': 2,
  'hang-node': 1,
  'move-leader': 4,
  'move-coordinator': 3,
} satisfies FaultRates

/** On top, where a source listens to something. */
export const feedRates = { 'break-feed': 4 }

/** At least, and at most: so long that sessions, transactions and requests time out in some of them. Most are short. */
const lastsMs: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [100, 20_000],
  freeze: [200, 75_000],
  cut: [0, 0],
  stall: [100, 40_000],
  'lose-answers': [0, 0],
  'kill-broker': [100, 20_000],
  'power-loss': [100, 20_000],
  'clock-jump': [-3_600_000, 3_600_000],
  'kill-node': [100, 20_000],
  'move-leader': [0, 0],
  'move-coordinator': [0, 0],
  'lose-end': [0, 0],
  'add-partitions': [0, 0],
  'instance-power-loss': [100, 20_000],
  'disk-loss': [100, 20_000],
  'disk-full': [500, 30_000],
  deploy: [0, 15_000],
  'break-feed': [100, 30_000],
  'slow-network': [2_000, 40_000],
  'slow-disk': [2_000, 40_000],
  'hang-node': [200, 40_000],
}

/** What a moment before one of these, or behind it, can leave half done. */
const requests: readonly number[] = [
  0, // Produce
  9, // OffsetFetch
  11, // JoinGroup
  14, // SyncGroup
  22, // InitProducerId
  24, // AddPartitionsToTxn
  25, // AddOffsetsToTxn
  26, // EndTxn
  28, // TxnOffsetCommit
]
const befallsRequests: ReadonlySet<FaultKind> = new Set([
  'kill',
  'freeze',
  'cut',
  'stall',
  'lose-answers',
  'instance-power-loss',
  'kill-broker',
  'power-loss',
])

/** The faults of a run, in the order of time. Half of those that befall requests wait for one of these. */
export function planFaults(
  random: () => number,
  durationMs: number,
  rates: FaultRates,
  befalling: readonly number[] = requests,
): Fault[] {
  return faultKinds
    .flatMap((kind) => {
      const count = Math.floor((rates[kind] * durationMs) / 60_000 + random())
      const [leastMs, mostMs] = lastsMs[kind]
      return Array.from({ length: count }, () => {
        const fault = {
          atMs: Math.floor(random() * durationMs),
          kind,
          pick: random(),
          forMs: Math.floor(leastMs + random() ** 2 * (mostMs - leastMs)),
        }
        const atRequest = befalling[Math.floor(random() * befalling.length)]
        return befallsRequests.has(kind) && random() < 0.5 && atRequest !== undefined
          ? { ...fault, atRequest }
          : fault
      })
    })
    .toSorted((a, b) => a.atMs - b.atMs)
}
