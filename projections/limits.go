package projections

const (
	// cacheBytesDefault is the block cache: enough for the upper levels of a few GB of rows. Pebble fills it only as blocks are read.
	cacheBytesDefault = 256 << 20
	// hotBytesDefault bounds the cache of single rows and index entries (hot.go): a few hundred thousand narrow ones. Filled as they are used.
	hotBytesDefault = 64 << 20
	// hotShards: enough that sessions seldom meet at one.
	hotShards = 64
	// hotEntryMax keeps a few wide rows from pushing out all the narrow ones.
	hotEntryMax = 4096
	// findNear is the distance up to which a seek from where an iterator stands beats the cache of single keys.
	findNear = 16
	// findSteps is the distance up to which steps beat a seek.
	findSteps = 4
	// memTableBytesDefault: fewer flushes than Pebble's 4 MiB, and with the WAL off a crash replays at most about two of these.
	// Memtables start small and double, so that an idle server does not pay for it.
	memTableBytesDefault = 64 << 20
	// pinEvery is how many batches pass before the pinned snapshot moves on: rare enough to save what it is for, often enough that it keeps hardly
	// any superseded value from being dropped.
	pinEvery = 1024
	// batchBytesMax ends a Pebble batch at an event's end, so that readers see new events soon and a batch stays far below a memtable.
	batchBytesMax = 2 << 20
	// backfillBatchBytes bounds the memory of building an index at apply.
	backfillBatchBytes = 4 << 20
	// backfillReportRows is how often building an index tells how far it is.
	backfillReportRows = 10_000
	// loadFileBytes is where a bulk load begins another file: like Pebble's own files of the lowest level.
	loadFileBytes = 64 << 20
	// idleItersMax is how many iterators a snapshot keeps for the next scan of the same state; more than a join of several tables
	// needs at once would only hold memory.
	idleItersMax = 8
	// columnsMax is PostgreSQL's MaxHeapAttributeNumber; the row header has 11 bits for it.
	columnsMax = 1600
	// inlineVarMax is the size of all variable-width values up to which a row's offsets take two bytes each.
	inlineVarMax = 1<<16 - 1
	// timeMarkEvery is the distance of the marks that map commit times to positions: AS OF TIMESTAMP scans the log between two of them.
	timeMarkEvery = 100_000 // microseconds
	// rejectedMax bounds the positions remembered as rejected; a proposer asks at once, so old ones are of no use.
	rejectedMax = 1024
	// pruneBatch is how many history entries one batch of pruning removes before it lets the projector go on.
	pruneBatch = 10_000
)
