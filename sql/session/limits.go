package session

const (
	// maxConnectionsDefault is what max_connections shows when the server sets nothing; connections are cheap here (one goroutine).
	maxConnectionsDefault = 10000
	// sharedPlansMax bounds the plans that all sessions share: enough for an application's statements, some MiB at most.
	sharedPlansMax = 2000
	// sessionPlansMax bounds a session's compiled statements, which hold buffers.
	sessionPlansMax = 128
	// preparedMax bounds named prepared statements of a session, so that a leaking client can't exhaust the server.
	preparedMax = 10000
	// portalsMax bounds open portals and cursors of a session.
	portalsMax = 5000
	// notesMax bounds notifications queued for a client that doesn't read; older ones are dropped and the client is warned.
	notesMax = 16384
	// sequenceCache is how many values of a sequence a session takes at once when the sequence's own CACHE is 1.
	sequenceCache = 1
	// customSettingsMax bounds the dotted settings that a session may invent.
	customSettingsMax = 1000
	// copyLineMax is the longest line of COPY data.
	copyLineMax = 1 << 30
	// copyBufferBytes is how much read data COPY keeps before it moves on: less than a batch of wide rows, many reads.
	copyBufferBytes = 256 << 10
	// copyBatchRows is how many rows COPY inserts at once.
	copyBatchRows = 1024
	// functionsMax bounds a session's compiled functions, which hold buffers.
	functionsMax = 256
	// callDepthMax bounds calls of SQL functions inside each other: each level holds a plan at work.
	callDepthMax = 500
	// statementTextMax is how much of a statement pg_stat_statements keeps, so that its table stays below some MiB.
	statementTextMax = 4 << 10
	// usageDecay ages the use of statements each time that some have to make room, as pg_stat_statements does.
	usageDecay = 0.99
	// queryTextMax is how much of a query pg_stat_activity shows (track_activity_query_size).
	queryTextMax = 1024
)
