import fc from 'fast-check'
import { vi } from 'vitest'

// The same cases in each run, so that a red test is one's own change; FAST_CHECK_SEED=$RANDOM looks for new ones.
fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20_261_123) })

/** What is waited for comes at once, but for a machine that is busy with other things: a second is little then. */
const waitMsMax = 15_000
const { waitFor } = vi
vi.waitFor = (condition, options = waitMsMax) => waitFor(condition, options)
