// Visits to a website: windows that are as long as somebody goes on clicking, and clicks that come too late for theirs.
// Run it with: npx tsx pipelines/sessions.ts

import {
  type Source,
  serdes,
  session,
  shape,
  type Topology,
  topic,
  topology,
  untilWindowCloses,
} from 'rivulet'
import { program } from 'rivulet/app'
import { interval, map } from 'rxjs'

export interface Click {
  readonly user: string
  readonly page: string
  /** When it was made; it may arrive later, as from a telephone in a tunnel. */
  readonly timestampMs: number
}

interface Visit {
  readonly pages: readonly string[]
  readonly ms: number
}

interface LateClick {
  readonly click: Click
  readonly lateMs: number
}

const click = shape({ user: 'string', page: 'string', timestampMs: 'number' })
export const clicks = topic('clicks', { key: serdes.string, value: click })
export const visits = topic('visits', { key: serdes.string, value: serdes.json<Visit>() })
export const lateClicks = topic('late-clicks', { key: serdes.string, value: serdes.json<LateClick>() })

/** Who does not click for 2 s has left. A visit waits 1 s more for clicks that are on their way. */
const untilTheyLeave = session({ gapMs: 2_000, graceMs: 1_000 })

export function sessions(website: Source<Click>, print: (line: string) => void): Topology {
  return topology('sessions', ({ source, stream }) => {
    source('website', website, { timestampMs: ({ timestampMs }) => timestampMs })
      .map('by user', (click) => [click.user, click])
      .to(clicks)

    const pages = stream(clicks)
      .peek('show clicks', ({ page }, user) => print(`${user} clicks ${page}`))
      .groupByKey()
      .windowedBy(untilTheyLeave)
      .aggregate('pages of a visit', {
        initializer: (): string[] => [],
        aggregator: (pages, { page }) => [...pages, page],
        // A click may come that lies between two visits, and makes one of them.
        merger: (earlier, later) => [...earlier, ...later],
      })

    pages
      .suppress('visits that are over', untilWindowCloses, { recordsMax: 100_000, whenFull: 'shutDown' })
      .toStream()
      .filter((pages) => pages !== null)
      .map('to visit', (pages, { key, startMs, endMs }) => [key, { pages, ms: endMs - startMs }])
      .peek('show visits', ({ pages, ms }, user) => print(`${user} stayed ${ms} ms: ${pages.join(' ')}`))
      .to(visits)

    // Nothing is left out silently.
    pages.late$
      .mapValues('to late click', ({ value, window, streamTimeMs = 0 }) => ({
        click: value,
        lateMs: streamTimeMs - (window?.endMs ?? 0),
      }))
      .peek('show late clicks', ({ lateMs }, user) =>
        print(`a click of ${user} came ${lateMs} ms late: too late`),
      )
      .to(lateClicks)
  })
}

const pageNames = ['/', '/bread', '/cakes', '/basket']

/** Two people in turns, four clicks a second; each time the second one leaves, a click of the first one arrives at last. */
const invented: Source<Click> = ({ clock }) =>
  interval(250, clock.scheduler).pipe(
    map((n) => {
      const isLate = n % 32 === 31
      return {
        user: isLate || n % 32 < 16 ? 'ann' : 'bob',
        page: pageNames[n % pageNames.length] ?? '/',
        timestampMs: clock.now() - (isLate ? 6_000 : 0),
      }
    }),
  )

export const visitors = program({
  name: 'sessions',
  summary: 'Visits to an invented website, and clicks that come too late for theirs.',
  topology: () => sessions(invented, (line) => process.stdout.write(`${line}\n`)),
})

await visitors.main(import.meta.url)
