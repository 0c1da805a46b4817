package exec

// instancesKept is how many idle instances of a prepared plan wait for the next execution; more mean that as many sessions
// run the same plan at the very same time, and building one costs microseconds.
const instancesKept = 4

// spillPartitions is into how many files an operator that overflows splits its input: enough that one partition of an input
// 32 times work_mem fits, few enough that their write buffers stay small.
const spillPartitions = 32

// spillDepthMax is how often a partition may be split again. Rows that still do not fit then share one hash value: they are processed in memory.
const spillDepthMax = 4

// mergeRunsMax is how many sorted runs are merged at once; each needs a buffered reader.
const mergeRunsMax = 64

// memoizeEntryMax: results of more rows than this are not worth caching for one parameter value.
const memoizeEntryMax = 100_000

// recursionBatches: none. A recursive query runs until it yields nothing new, or is cancelled, as in PostgreSQL.
