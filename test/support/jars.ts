import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, type Unavailable } from './cached.ts'
import { run } from './run-command.ts'

export const kafkaVersion = '4.4.0'

type Artifact = readonly [group: string, artifact: string, version: string]

/** Jars with all that they need, fetched once by Maven; where Java or Maven is missing, or they can't be had, why. */
export async function fetchJars(
  name: string,
  artifacts: readonly Artifact[],
): Promise<{ readonly jarsDir: string } | Unavailable> {
  const made = await cached({ name, needs: ['java', 'mvn'] }, async (dir) => {
    const pom = join(dir, 'pom.xml')
    await writeFile(pom, pomOf([...artifacts, ['org.slf4j', 'slf4j-simple', '1.7.36']]))
    const maven = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${dir}`]
    await run('mvn', maven, { timeout: 180_000 })
  })
  return 'unavailable' in made ? made : { jarsDir: made.dir }
}

const pomOf = (artifacts: readonly Artifact[]) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rivulet</groupId><artifactId>jars-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${artifacts.map(dependencyOf).join('')}</dependencies>
</project>
`

function dependencyOf([group, artifact, version]: Artifact): string {
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
}
