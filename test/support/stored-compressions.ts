import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Compression, compressionOf } from '../../src/compression/compression.ts'

const controlBit = 0x20

/** How the batches of a topic are compressed on the embedded broker's disk, each once. */
export async function storedCompressions(
  dataDir: string,
  topic: string,
): Promise<(Compression | undefined)[]> {
  const files = await readdir(dataDir, { recursive: true })
  const found = new Set<Compression | undefined>()
  for (const file of files.filter((name) => name.includes(`/${topic}.`) && name.endsWith('.log'))) {
    const bytes = await readFile(join(dataDir, file))
    for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
      const attributes = bytes.readInt16BE(at + 21)
      if ((attributes & controlBit) === 0) found.add(compressionOf(attributes))
    }
  }
  return [...found]
}
