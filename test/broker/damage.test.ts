import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type BrokerNode, openNode } from '../../src/broker/node.ts'
import { brokerConfig } from '../../src/broker/options.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import type { LogDirectory } from '../../src/storage/storage.ts'
import { batchOf, recordsIn, virtualClock } from './support.ts'

const clock = virtualClock()
const config = brokerConfig({ clock })
const open = (directory: LogDirectory) => openNode(directory, config)

/** A broker's folder with a topic of several segments, a compacted one, and a group; closed cleanly unless `killed`. */
async function filled({ killed = false } = {}): Promise<LogDirectory> {
  const directory = new MemoryDirectory(clock)
  const node = await open(directory)
  const { topics, offsets } = node.services
  const create = (name: string, settings: Record<string, string>) =>
    topics.create({ name, partitionCount: 1, replicationFactor: 1, config: settings }, false)
  create('plain', { 'segment.bytes': '250', 'retention.ms': '-1' })
  create('table', { 'segment.bytes': '250', 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' })
  for (let i = 0; i < 8; i++) {
    topics.log('plain', 0).append(
      batchOf([
        { key: 'k', value: `${i}` },
        { key: 'k', value: `${i}'` },
      ]),
    )
    topics.log('table', 0).append(batchOf([{ key: `k${i % 2}`, value: `${i}` }]))
    if (i === 5) await node.tidy()
  }
  // Behind the compacted segments there are sealed ones that no compaction has seen.
  for (let i = 8; i < 16; i++) topics.log('table', 0).append(batchOf([{ key: `k${i % 2}`, value: `${i}` }]))
  offsets.commit([['group', [{ topic: 'plain', partition: 0, offset: 7, metadata: null }]]])
  if (!killed) {
    await node.sync()
    node.close()
  }
  return directory
}

function* filesOf(
  directory: LogDirectory,
): Generator<{ directory: LogDirectory; name: string; path: string }> {
  for (const name of directory.files()) yield { directory, name, path: `${directory.path}/${name}` }
  for (const name of directory.directories()) yield* filesOf(directory.directory(name))
}

const contentOf = (directory: LogDirectory, name: string) => {
  const file = directory.open(name)
  return Buffer.from(file.read(0, file.sizeBytes))
}

function rewrite(directory: LogDirectory, name: string, bytes: Buffer): void {
  const file = directory.open(name)
  file.truncate(0)
  file.append(bytes)
}

function copyOf(from: LogDirectory, to: LogDirectory = new MemoryDirectory(clock)): LogDirectory {
  for (const name of from.files()) rewrite(to, name, contentOf(from, name))
  for (const name of from.directories()) copyOf(from.directory(name), to.directory(name))
  return to
}

function fingerprint(directory: LogDirectory): string {
  const hash = createHash('sha1')
  for (const { directory: folder, name, path } of filesOf(directory))
    hash.update(`${path} ${contentOf(folder, name).toString('hex')}\n`)
  return hash.digest('hex')
}

/** Everything that a client can see. */
function seenIn({ services }: BrokerNode) {
  const logs = [...services.topics.logs()]
  return {
    offsets: services.offsets.all('group').map(({ topic, offset }) => [topic, offset]),
    logs: logs.map((log) => ({
      range: [log.topic, log.startOffset, log.endOffset],
      records: recordsIn(log).map(({ offset, key, value }) => [offset, String(key), String(value)]),
    })),
  }
}

/** What a start makes of the folder: it refuses and leaves all as it is, or gives what a client can see. */
async function startOf(directory: LogDirectory) {
  const before = fingerprint(directory)
  try {
    const node = await open(directory)
    const seen = seenIn(node)
    node.close()
    return seen
  } catch (error) {
    expect(error).toMatchObject({ code: 'LOG_CORRUPT' })
    expect(fingerprint(directory)).toBe(before)
    return 'refused'
  }
}

function folderOf(directory: LogDirectory, path: string): LogDirectory {
  const found = [...filesOf(directory)].find((file) => file.path === path)
  if (!found) throw new Error(`${path} is not there`)
  return found.directory
}

/** The same folder with one bit of a file turned over, for each of its bytes. */
function* flipped(directory: LogDirectory, path: RegExp) {
  for (const { directory: folder, name, path: of } of filesOf(directory)) {
    if (!path.test(of)) continue
    const bytes = contentOf(folder, name)
    for (let at = 0; at < bytes.length; at++) {
      const copy = copyOf(directory)
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8))
      rewrite(folderOf(copy, of), name, damaged)
      yield { copy, at, of, damaged }
    }
  }
}

/** No checksum covers the leader epoch, bytes 12 to 15 of a batch, outside of compacted segments: it moves no record. */
function isIgnored(bytes: Buffer, at: number): boolean {
  let batch = 0
  while (batch + 12 <= at) {
    const next = batch + 12 + bytes.readInt32BE(batch + 8)
    if (at < next) return at - batch >= 12 && at - batch < 16
    batch = next
  }
  return false
}

describe('a damaged disk', () => {
  test('is refused at any bit of the state and of the logs, with nothing changed, if it was closed cleanly', async () => {
    const directory = await filled()
    const whole = await startOf(copyOf(directory))
    const starts = { refused: 0, ignored: 0 }
    for (const { copy, at, of, damaged } of flipped(directory, /\.log$/)) {
      const start = await startOf(copy)
      if (start === 'refused') starts.refused++
      else {
        expect({ of, at, start }).toEqual({ of, at, start: whole })
        expect(isIgnored(damaged, at)).toBe(true)
        starts.ignored++
      }
    }
    expect(starts.refused).toBeGreaterThan(1_500)
    expect(starts.ignored).toBeGreaterThan(0)
  })

  test('is taken for a crash only behind the recovery points, and what is cut is kept', async () => {
    const directory = await filled({ killed: true })
    const whole = await startOf(copyOf(directory))
    if (whole === 'refused') throw new Error('it was whole')
    let cut = 0
    for (const { copy } of flipped(directory, /(state|plain).*\.log$/)) {
      const start = await startOf(copy)
      if (start === 'refused') continue
      for (const [i, { records }] of start.logs.entries()) {
        expect(records).toEqual(whole.logs[i]?.records.slice(0, records.length))
        // Of the first six writes all is below the recovery points.
        expect(records.length).toBeGreaterThanOrEqual(i === 0 ? 12 : 0)
      }
      if (JSON.stringify(start) === JSON.stringify(whole)) continue
      cut++
      expect([...filesOf(copy)].some(({ name }) => name.includes('.cut-'))).toBe(true)
    }
    expect(cut).toBeGreaterThan(50)
  })

  test('is refused where a file or a folder of it is missing, or empty', async () => {
    const directory = await filled()
    const removed = (folder: LogDirectory, name: string) => folder.remove(name)
    const emptied = (folder: LogDirectory, name: string) => folder.open(name).truncate(0)
    for (const { path, name } of [...filesOf(directory)].filter((file) => file.name.endsWith('.log'))) {
      for (const damage of [removed, emptied]) {
        const copy = copyOf(directory)
        damage(folderOf(copy, path), name)
        expect([path, damage.name, await startOf(copy)]).toEqual([path, damage.name, 'refused'])
      }
    }
    for (const folder of ['state', 'topics']) {
      const copy = copyOf(directory)
      copy.removeDirectory(folder)
      await expect(open(copy)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    }
  })

  test('never costs a topic that the state has forgotten its records, without recovery points either', async () => {
    const directory = await filled()
    directory.removeDirectory('state')
    for (const name of directory.files()) directory.remove(name)
    const before = fingerprint(directory.directory('topics'))
    await expect(open(directory)).rejects.toThrow(
      "topics/plain.1 holds records, but the broker's state does not know of them",
    )
    expect(fingerprint(directory.directory('topics'))).toBe(before)
  })

  test('of the recovery points themselves loses nothing', async () => {
    const directory = await filled()
    const whole = await startOf(copyOf(directory))
    for (const { copy, at, of } of flipped(directory, /recovery-points/)) {
      const start = await startOf(copy)
      expect({ of, at, start }).toEqual({ of, at, start: whole })
    }
  })
})
