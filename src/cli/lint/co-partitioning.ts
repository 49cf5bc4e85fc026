import { RivuletError } from '../../errors.ts'
import { topicsOf } from '../../runtime/topics-of.ts'
import type { Rule } from './rule.ts'

export const coPartitioning: Rule = {
  name: 'co-partitioning',
  level: 'error',
  async find(topology) {
    try {
      await topicsOf(topology)
      return []
    } catch (error) {
      if (!(error instanceof RivuletError) || error.code !== 'BAD_TOPOLOGY') throw error
      const step = error.place.step ?? topology.name
      return [{ step, what: error.message, why: 'it is refused at the start', mend: 'as it says' }]
    }
  },
}
