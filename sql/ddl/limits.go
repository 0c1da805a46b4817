package ddl

import "time"

const (
	// maxNameLen is PostgreSQL's NAMEDATALEN - 1: names are cut to it, and enum labels may not exceed it.
	maxNameLen = 63
	// maxColumns is PostgreSQL's MaxHeapAttributeNumber.
	maxColumns = 1600
	// maxIndexKeys is PostgreSQL's INDEX_MAX_KEYS.
	maxIndexKeys = 32
	// maxReportedDeps is how many dependent objects a message lists, as in PostgreSQL.
	maxReportedDeps = 100
	// sampleRows is how many rows ANALYZE samples: 300 times the default statistics target of 100, as in PostgreSQL.
	sampleRows = 30000
	// progressRows is after how many rows a long scan tells how far it is.
	progressRows = 10000
	// statsTarget is the number of most common values and of histogram buckets kept for a column.
	statsTarget = 100
	// maxStatWidth is the size from which a value is not kept in statistics (PostgreSQL's WIDTH_THRESHOLD).
	maxStatWidth = 1024
	// leaveTime is how long a statement that needs a database for itself waits for others to leave it, and leavePoll how often it looks; as in PostgreSQL.
	leaveTime, leavePoll = 5 * time.Second, 100 * time.Millisecond
)
