// One program in a process of its own: started by the benchmark, told by RIVULET_BENCH what to run.
import type { ProgramOptions } from './own-process.ts'
import { runWholePath } from './whole-path/program.ts'

const options = JSON.parse(process.env.RIVULET_BENCH ?? '') as ProgramOptions
process.send?.(await runWholePath(options))
process.exit(0)
