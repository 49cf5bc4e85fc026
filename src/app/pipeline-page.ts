import { readFileSync } from 'node:fs'
import { describe } from '../stream/describe.ts'
import type { Topology } from '../stream/topology.ts'
import { filesUnder, makePage, publicFolder, servePageFiles, sharedFiles } from './page.ts'
import { sendFile } from './static-files.ts'
import type { Web } from './web.ts'

/** What the page is about. */
export interface PipelinePageOptions {
  readonly topology: Topology
  /** As the answers' header `x-rivulet-identity` has it; empty: they have none. */
  readonly identity: string
}

/**
 * `/pipeline`, the page of any topology, and what it draws: `/api/pipeline/topology`, the topology as `describe` has it. To be
 * called behind the program's own routes: where these have no `/`, it leads here.
 */
export function servePipelinePage(web: Web, { topology, identity }: PipelinePageOptions): void {
  const hasHome = web.routes.some(({ method, path }) => method === 'GET' && path === '/')
  const files = filesUnder('pipeline')
  files.delete('/pipeline/pipeline.html')
  const page = makePage({
    html: readFileSync(new URL('pipeline/pipeline.html', publicFolder), 'utf8'),
    values: { topology: topology.name, identity, home: hasHome ? 'own' : 'none' },
    files: new Map([...sharedFiles(), ...files]),
  })
  web.get('/pipeline', (context) => sendFile(context, page.document))
  servePageFiles(web, page)
  const description = describe(topology)
  web.get('/api/pipeline/topology', (context) => context.json(description))
  if (!hasHome) web.get('/', (context) => context.redirect('/pipeline'))
}
