import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Chunk, Sink, SinkBatch, SinkWriter } from 'rivulet'

/** Where the files go: what the program's connector opens. */
export interface Files {
  readonly folder: string
}

/**
 * Writes values as lines of JSON, each exactly once. A batch is one file, `NAME/TOPIC-PARTITION/OFFSET.jsonl`, named by
 * its first record; its first line says where to go on, so that rows and offset are there together or not at all.
 */
export function files<K, V>(name: string): Sink<K, V, Files> {
  return {
    name: `files ${name}`,
    connection: 'files',
    open: async ({ folder }) => new FileWriter(join(folder, name)),
  }
}

class FileWriter<K, V> implements SinkWriter<K, V> {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async resumeOffset(topic: string, partition: number): Promise<number | undefined> {
    const folder = this.#folderOf(topic, partition)
    await mkdir(folder, { recursive: true })
    const names = await readdir(folder)
    const newest = names
      .filter((name) => name.endsWith('.jsonl'))
      .toSorted()
      .at(-1)
    return newest === undefined ? undefined : nextOffsetIn(join(folder, newest))
  }

  begin(topic: string, partition: number): FileBatch<K, V> {
    return new FileBatch(topic, partition)
  }

  async write(batch: FileBatch<K, V>): Promise<{ readonly nextOffset: number }> {
    const { firstOffset, nextOffset, topic, partition } = batch
    // All was filtered out: it would be again, so there is nothing to remember.
    if (firstOffset === undefined) return { nextOffset }
    // As many digits for all, so that they are sorted by offset.
    const path = join(this.#folderOf(topic, partition), `${String(firstOffset).padStart(16, '0')}.jsonl`)
    return { nextOffset: (await createWhole(path, batch.text())) ? nextOffset : await nextOffsetIn(path) }
  }

  async close(): Promise<void> {}

  #folderOf(topic: string, partition: number): string {
    return join(this.#folder, `${topic}-${partition}`)
  }
}

class FileBatch<K, V> implements SinkBatch<K, V> {
  readonly topic: string
  readonly partition: number
  rows = 0
  firstOffset: number | undefined
  nextOffset = 0
  #lines = ''

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get bytes(): number {
    return this.#lines.length
  }

  append({ values, offsets }: Chunk<K, V>, nextOffset: number): void {
    for (const value of values) this.#lines += `${JSON.stringify(value)}\n`
    this.firstOffset ??= offsets[0]
    this.rows += values.length
    this.nextOffset = nextOffset
  }

  text(): string {
    return `${JSON.stringify({ nextOffset: this.nextOffset })}\n${this.#lines}`
  }
}

async function nextOffsetIn(path: string): Promise<number> {
  const [first = ''] = (await readFile(path, 'utf8')).split('\n', 1)
  return JSON.parse(first).nextOffset
}

/** Resolves when the file is durably there, with false where somebody else's was there before. */
async function createWhole(path: string, text: string): Promise<boolean> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  const unfinished = join(folder, `${randomUUID()}.unfinished`)
  await writeFile(unfinished, text, { flush: true })
  try {
    await link(unfinished, path) // at once or not at all; `rename` would take the place of a rival's file
    await sync(folder)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(unfinished)
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
