import fc from 'fast-check'

// The same cases in each run, so that a red test is one's own change; FAST_CHECK_SEED=$RANDOM looks for new ones.
fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20_261_123) })
