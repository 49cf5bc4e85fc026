import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDataFolder } from '../src/data-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-data-folder-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a data folder', () => {
  test('is made where it is missing, with what is asked for in it', () => {
    const data = openDataFolder(join(folder, 'a', 'b'))
    expect(existsSync(data.folder('broker'))).toBe(true)
    data.release()
  })

  test('is refused to a second process, with the pid of the first', () => {
    const data = openDataFolder(folder)
    expect(() => openDataFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'DATA_DIR_IN_USE',
        message: expect.stringContaining(`process ${process.pid}`),
      }),
    )
    data.release()
    openDataFolder(folder).release()
  })

  test('is taken over from a process that has ended without letting it go', () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid, startedAt: '1' }))
    openDataFolder(folder).release()
  })

  test('is taken over when the pid has gone to another process meanwhile', async (context) => {
    if (process.platform !== 'linux') context.skip('when a process began is only known on Linux')
    const other = spawn('sleep', ['60'])
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: other.pid, startedAt: '1' }))
    openDataFolder(folder).release()
    other.kill()
  })

  test('is taken over when its lock is torn', () => {
    writeFileSync(join(folder, 'lock'), '{"pid":')
    openDataFolder(folder).release()
  })

  test('begins nothing on a full disk, and goes on with what was begun', () => {
    const full = openDataFolder(folder, () => 1_000)
    expect(() => full.folder('broker')).toThrow(
      expect.objectContaining({
        code: 'DISK_FULL',
        message: expect.stringContaining('1000 bytes are free'),
      }),
    )
    expect(existsSync(join(folder, 'broker'))).toBe(false)
    full.release()
    const roomy = openDataFolder(folder)
    roomy.folder('broker')
    roomy.release()
    const fullAgain = openDataFolder(folder, () => 0)
    expect(fullAgain.folder('broker')).toBe(join(folder, 'broker'))
    fullAgain.release()
  })

  test.each(['/proc/rivulet', '/dev/null/rivulet'])('says that %s can not be used', (path) => {
    expect(() => openDataFolder(path)).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }))
  })
})
