import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { InsertFiles } from '../../src/clickhouse/insert-files.ts'

function newFolder(): { path: string; files: () => string[] } {
  const path = mkdtempSync(join(tmpdir(), 'rivulet-insert-files-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return { path, files: () => readdirSync(join(path, 'user_files')) }
}

const bytes = [Buffer.from('header '), Buffer.from('rows')]

test('each insert has a file of its own, which is gone with it, however it ends', async () => {
  const { path, files } = newFolder()
  const inserts = new InsertFiles(path)
  const seen: string[] = []
  const read = async (file: string) => {
    seen.push(file)
    expect(readFileSync(file, 'utf8')).toBe('header rows')
  }
  await Promise.all([inserts.with(bytes, read), inserts.with(bytes, read)])
  await expect(inserts.with(bytes, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(new Set(seen).size).toBe(2)
  expect(files()).toEqual([])
})

test('what a process has left that was killed is removed by the next one, and nothing else', () => {
  const { path, files } = newFolder()
  const folder = join(path, 'user_files')
  mkdirSync(folder)
  const left = join(folder, `rivulet-insert-${process.pid}-1`)
  for (const file of [left, join(folder, 'mine.csv')]) {
    writeFileSync(file, 'rows')
    utimesSync(file, 0, 0)
  }
  writeFileSync(join(folder, 'rivulet-insert-1-1'), 'of another connection of this process')
  new InsertFiles(path)
  expect(existsSync(left)).toBe(false)
  expect(files()).toEqual(['mine.csv', 'rivulet-insert-1-1'])
})

test('a disk that is full is said to be, and may be made free', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const insert = new InsertFiles(newFolder().path).with(bytes, () => Promise.reject(full))
  await expect(insert).rejects.toMatchObject({ code: 'DISK_FULL', retryable: true })
})

test.each(['a*', 'b?', '{c}'])('a folder by the name of %s is refused', (name) => {
  expect(() => new InsertFiles(join(newFolder().path, name))).toThrow(/stands for several files/)
})
