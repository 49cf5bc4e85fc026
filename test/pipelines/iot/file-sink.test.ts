import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { files } from '../../../pipelines/iot/file-sink.ts'
import { chunkOf, silentLogger, systemClock } from '../../../src/index.ts'
import { sinkContract } from '../../../src/testing/index.ts'

async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'rivulet-files-'))
  return {
    sink: files<null, number>('numbers'),
    connection: { folder },
    async written() {
      const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'))
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
      return texts.flatMap((text) => text.split('\n').slice(1, -1).map(Number))
    },
    close: () => rm(folder, { recursive: true }),
  }
}

const checks = sinkContract({ open, record: (number) => ({ key: null, value: number }) })

describe('the sink into files', () => {
  for (const { name, run } of checks) test(name, run)

  test('passes over what a crash has left unfinished', async () => {
    const { sink, connection, close } = await open()
    const context = { clock: systemClock, logger: silentLogger, signal: new AbortController().signal }
    const writer = await sink.open(connection, context)
    const batch = writer.begin('numbers', 0)
    batch.append(chunkOf([{ key: null, value: 1, timestampMs: 1, offset: 0 }]), 1)
    await writer.write(batch)
    const folder = join(connection.folder, 'numbers', 'numbers-0')
    await writeFile(join(folder, 'ffff.unfinished'), '{"nextOff')
    expect(await writer.resumeOffset('numbers', 0)).toBe(1)
    expect(await readdir(folder)).toEqual(['0000000000000000.jsonl', 'ffff.unfinished'])
    await close()
  })
})
