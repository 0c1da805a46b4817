package txn

import "time"

const (
	// deadlockTimeoutDefault is PostgreSQL's: most waits are over before it, and those are never looked at.
	deadlockTimeoutDefault = time.Second
	// chunkBytesDefault keeps one event far below the log's payload limit and lets the group commit of others go between two chunks.
	chunkBytesDefault = 8 << 20
	// writeSetBytesDefault is where a transaction is told to stop rather than the kernel telling the whole server.
	writeSetBytesDefault = 4 << 30
	// listChunk is the length at which a chunk of a sorted list splits: small enough to shift, large enough to search by halves.
	listChunk = 128
	// rowOverhead and entryOverhead estimate what a row version and an index entry take besides their bytes.
	rowOverhead   = 160
	entryOverhead = 48
	// spillBytesDefault is what a bulk load holds in memory before it hands rows to the log.
	spillBytesDefault = 32 << 20
	// spillChunkBytes: spilled rows are read back a chunk at a time, so these are smaller than the chunks of a commit.
	spillChunkBytes = 1 << 20
	// spillCached is how many chunks read back a transaction keeps decoded.
	spillCached = 8
	// arenaMin and arenaMax bound the chunks that row images and keys are cut from: a one-row transaction takes little, a bulk load few.
	arenaMin = 512
	arenaMax = 256 << 10
	// fetchSingly is how many rows an index scan looks up one by one, through the cache, before it opens an iterator for them.
	fetchSingly = 8
	// fetchFilling is how many rows an index scan enters into the cache of single keys before it counts as a large one.
	fetchFilling = 20_000
	// shards of the lock tables: enough that eight writers seldom meet.
	shards = 32
	// keySetMin and keySetKept are the sizes at which a shard's table of key locks begins, and up to which an empty one keeps its memory.
	keySetMin  = 16
	keySetKept = 1024
	// xidsAhead is how many transaction ids one event reserves: a crash skips as many at most, and ids are 64 bits wide.
	xidsAhead = 1 << 16
	// oidsAhead is PostgreSQL's VAR_OID_PREFETCH.
	oidsAhead = 8192
	// sequenceAheadMin is PostgreSQL's SEQ_LOG_VALS; a sequence in heavy use logs more at a time, up to sequenceAheadMax.
	sequenceAheadMin = 32
	sequenceAheadMax = 8192
	// sequenceBusy: a logged range that lasted for less than this doubles the next one.
	sequenceBusy = 100 * time.Millisecond
	// buildRowsMax bounds the rows whose entries a transaction keeps in memory to use an index before it is committed.
	buildRowsMax = 5_000_000
	// firstXID is where transaction ids begin, as PostgreSQL's FirstNormalTransactionId.
	firstXID = 3
	// firstOID is PostgreSQL's FirstNormalObjectId.
	firstOID = 16384
)
