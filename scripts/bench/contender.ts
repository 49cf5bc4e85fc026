// One program in a process of its own: started by the benchmark, told by RIVULET_BENCH what to run. Alone it can be profiled.
import { runNexmark } from './nexmark/program.ts'
import type { ProgramOptions } from './own-process.ts'
import { runWholePath } from './whole-path/program.ts'

const options = JSON.parse(process.env.RIVULET_BENCH ?? '') as ProgramOptions
const run = await (options.job === 'nexmark' ? runNexmark(options) : runWholePath(options))
process.send?.(run)
process.exit(0)
