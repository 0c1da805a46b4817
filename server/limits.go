package server

import "time"

const (
	// rawSegments stay uncompressed behind the log's end: half a GiB, which a bulk load's commit or a member that fell behind for a while reads again.
	rawSegments = 8
	// httpHeaderTimeout ends connections that do not send their request: the listener has no password.
	httpHeaderTimeout = 10 * time.Second
	// httpIdleTimeout is above a scraper's interval, so that it keeps its connection.
	httpIdleTimeout = 2 * time.Minute

	// startTimeout bounds the steps of a start that wait for the log to accept an event. Replaying is not among them, it takes what it takes.
	startTimeout = 30 * time.Second
	// stopTimeout bounds giving back unused ranges at shutdown; not doing so costs gaps in sequences, nothing else.
	stopTimeout = 5 * time.Second

	// memoryShare of the machine's memory is the Go heap's soft limit: the rest is for the block cache, which is not on the Go heap, the
	// operating system's page cache and other processes.
	memoryShare = 0.6
	// cacheShare of the machine's memory is the block cache of the row store: what is not in it is read and decompressed again by each scan.
	cacheShare = 0.25
	// cacheFloor: a smaller cache holds not even the blocks that all statements use.
	cacheFloor = 64 << 20
	// memoryFloor: a soft limit below it would make the collector run all the time.
	memoryFloor = 64 << 20

	// findInterval is how often a node without a cluster asks its peers.
	findInterval = 500 * time.Millisecond
	// routeInterval is how often a client that waits for a leader looks for one.
	routeInterval = 20 * time.Millisecond
	// pollInterval is how often a starting node looks whether it is fit to serve.
	pollInterval = 5 * time.Millisecond
	// handOverTimeout bounds how long a stopping leader waits for its successor: an election takes no longer.
	handOverTimeout = 2 * time.Second
	// promoteInterval is how often the leader looks for learners that have caught up; promoteLag is how many events they may still be behind.
	promoteInterval = time.Second
	promoteLag      = 1000

	// quietInterval and quietTicks: a node is quiet when no request came for their product. By then idle sessions have rested, which takes pgwire up
	// to two seconds; the collection that follows costs a busy node nothing and an idle one a few milliseconds.
	quietInterval = 2 * time.Second
	quietTicks    = 3

	// garbageFloor is how much garbage there is at least between two collections of a working node. It is given back when the node is quiet. gcPercentMax
	// keeps a nearly empty heap from growing far in one step.
	garbageFloor = 64 << 20
	gcPercentMax = 1000

	// diskInterval is how often the free space is looked at. A fast disk writes some hundred megabytes in it, half of them by us: below the default
	// of storage.min_free_space plus what the row store can still do without.
	diskInterval = 200 * time.Millisecond
	// startSpace is what a start needs: a new manifest, the first events, a log segment's first zeroes.
	startSpace = 4 << 20

	// slowSyncLogInterval keeps a slow disk from filling the log of messages, which may be on the same disk.
	slowSyncLogInterval = 10 * time.Second

	// pruneInterval is how often history behind its retention is removed.
	pruneInterval = time.Minute
	// progressInterval is how often a long replay is reported in the log.
	progressInterval = 5 * time.Second
)
