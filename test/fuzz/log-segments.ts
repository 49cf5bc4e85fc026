import { type BrokerNode, openNode } from '../../src/broker/node.ts'
import { brokerConfig } from '../../src/broker/options.ts'
import { RivuletError } from '../../src/errors.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import type { LogDirectory } from '../../src/storage/storage.ts'
import { batchOf, recordsIn, virtualClock } from '../broker/support.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'log-segments'

type Files = ReadonlyMap<string, Buffer>

const clock = virtualClock()
const config = brokerConfig({ clock })
const killed = await filled(false)
const closed = await filled(true)

/** A broker whose folder is damaged starts with the beginning of what each topic held, or refuses to. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const { files, seen } = dice.chance(0.5) ? killed : closed
  const damaged = new Map(files)
  const path = dice.pick([...files.keys()])
  const before = files.get(path) as Buffer
  const input = dice.mutated(before)
  if (dice.chance(0.05)) damaged.delete(path)
  else damaged.set(path, input)
  await withInput(Buffer.concat([Buffer.from(`${path}: `), input]), async () => {
    const found = await started(folderOf(damaged))
    if (!found) return
    for (const [topic, records] of seen) {
      const left = found.get(topic)
      if (!left) throw new Error(`${topic} is gone`)
      const isSound = left.every((record, i) => record === records[i])
      if (!isSound) throw new Error(`${topic}: ${left} of ${records}`)
    }
  })
}

/** What each topic holds; undefined: it refused to start. */
async function started(directory: LogDirectory): Promise<Map<string, string[]> | undefined> {
  let node: BrokerNode
  try {
    node = await openNode(directory, config)
  } catch (error) {
    if (error instanceof RivuletError && error.code === 'LOG_CORRUPT') return undefined
    throw error
  }
  const seen = new Map<string, string[]>()
  for (const log of node.services.topics.logs())
    seen.set(
      log.topic,
      recordsIn(log).map(({ offset, key, value }) => `${offset} ${key} ${value}`),
    )
  node.close()
  return seen
}

async function filled(isClosed: boolean) {
  const directory = new MemoryDirectory(clock)
  const node = await openNode(directory, config)
  const { topics, offsets } = node.services
  const create = (topic: string, settings: Record<string, string>) =>
    topics.create({ name: topic, partitionCount: 1, replicationFactor: 1, config: settings }, false)
  create('plain', { 'segment.bytes': '250', 'retention.ms': '-1' })
  create('table', { 'segment.bytes': '250', 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' })
  for (let i = 0; i < 8; i++) {
    topics.log('plain', 0).append(batchOf([{ value: `${i}` }, { key: 'k', value: `${i}'` }]))
    topics.log('table', 0).append(batchOf([{ key: `k${i % 2}`, value: `${i}` }]))
    if (i === 5) await node.tidy()
  }
  // Behind the compacted segments there are sealed ones that no compaction has seen.
  for (let i = 8; i < 16; i++) topics.log('table', 0).append(batchOf([{ key: `k${i % 2}`, value: `${i}` }]))
  offsets.commit([['group', [{ topic: 'plain', partition: 0, offset: 7, metadata: null }]]])
  if (isClosed) await node.sync()
  const files = new Map(filesOf(directory))
  return { files, seen: (await started(folderOf(files))) ?? new Map<string, string[]>() }
}

function* filesOf(directory: LogDirectory, at = ''): Generator<[path: string, bytes: Buffer]> {
  for (const file of directory.files()) {
    const { sizeBytes } = directory.open(file)
    yield [at + file, Buffer.from(directory.open(file).read(0, sizeBytes))]
  }
  for (const folder of directory.directories()) yield* filesOf(directory.directory(folder), `${at}${folder}/`)
}

function folderOf(files: Files): LogDirectory {
  const root = new MemoryDirectory(clock)
  for (const [path, bytes] of files) {
    const parts = path.split('/')
    const folder = parts.slice(0, -1).reduce<LogDirectory>((parent, part) => parent.directory(part), root)
    const file = folder.open(parts.at(-1) as string)
    if (bytes.length > 0) file.append(bytes)
  }
  return root
}
