// One contender in a process of its own: started by the benchmark, told by RIVULET_BENCH what to run.
import { runWholePath, type WholePathOptions } from './whole-path.ts'

process.send?.(await runWholePath(JSON.parse(process.env.RIVULET_BENCH ?? '') as WholePathOptions))
process.exit(0)
