import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cached, type Unavailable } from './cached.ts'
import { run } from './run-command.ts'

export const apicurioVersion = '2.6.13.Final'

export interface RealRegistry {
  /** Where it answers as Confluent's registry does. */
  readonly url: string
  stop(): Promise<void>
}

const startTimeoutMs = 180_000

/**
 * Apicurio's registry, which keeps its schemas in memory. It is fetched once by Maven; where Java or Maven is missing, or
 * it can't be had, says why. It starts for most of a minute.
 */
export async function startRealRegistry(): Promise<RealRegistry | Unavailable> {
  const fetched = await fetchRegistry()
  if ('unavailable' in fetched) return fetched
  const jar = readdirSync(fetched.dir).find((file) => file.endsWith('-runner.jar')) ?? ''
  const flags = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const listen = ['-Dquarkus.http.host=127.0.0.1', '-Dquarkus.http.port=0']
  const child = spawn('java', [...flags, ...listen, '-jar', join(fetched.dir, jar)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  const ended = once(child, 'exit').finally(() => process.off('exit', killWithUs))
  const impatient = setTimeout(killWithUs, startTimeoutMs)
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    const [, origin] = /Listening on: (http:\S+)/.exec(line) ?? []
    if (origin === undefined) continue
    clearTimeout(impatient)
    child.stdout.resume()
    return {
      url: `${origin}/apis/ccompat/v7`,
      async stop() {
        child.kill()
        await ended
      },
    }
  }
  throw new Error(`the registry did not start:\n${lines.slice(-20).join('\n')}`)
}

function fetchRegistry() {
  const name = `rivulet-registry/${apicurioVersion}`
  return cached({ name, needs: ['java', 'mvn', 'tar'] }, async (dir) => {
    const artifact = `io.apicurio:apicurio-registry-app:${apicurioVersion}:tar.gz:all`
    const maven = ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${dir}`]
    await run('mvn', maven, { cwd: dir, timeout: 300_000 })
    const archive = join(dir, `apicurio-registry-app-${apicurioVersion}-all.tar.gz`)
    await run('tar', ['-xzf', archive, '-C', dir], { timeout: 60_000 })
  })
}
