package transport

import "time"

const (
	// Protocol is the version of what is said on the wire. Nodes talk to each other when theirs differ by at most one: a rolling upgrade goes through
	// neighbouring releases.
	Protocol = 1

	// ClockOffsetMax is how far the clocks of two nodes may be apart. Commit times come from the leader's clock: beyond it, time travel by timestamp
	// would jump at a change of leaders.
	ClockOffsetMax = 500 * time.Millisecond

	// queueMessages bounds what waits for a link. raft bounds the bytes of entries on their way to one follower itself.
	queueMessages = 4096

	// messageBytesMax is more than an event of the largest size, which one message carries.
	messageBytesMax = 320 << 20

	// callTimeout bounds one question to a peer.
	callTimeout = 5 * time.Second
	// dialTimeout bounds the making of one connection.
	dialTimeout = 2 * time.Second

	// A lost link is made again after retryMin, then twice that, up to retryMax: a node that comes back should not wait for long, and one that is gone
	// should cost nothing.
	retryMin = 50 * time.Millisecond
	retryMax = time.Second

	// keepaliveTime and keepaliveTimeout find a peer that vanished without a word (a pulled cable).
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
)
