package pgwire

import "time"

const (
	// startupBytesMax bounds what an unauthenticated client may send as its startup packet; PostgreSQL's number.
	startupBytesMax = 10000
	// authBytesMax bounds a password or SASL message, for the same reason; PostgreSQL's number for tokens.
	authBytesMax = 65535
	// smallBytesMax bounds the messages that carry no user data (Describe, Execute, Close, Sync, ...): a bigger one can only
	// be garbage that looks like a frame. PostgreSQL's number.
	smallBytesMax = 10000
	// largeBytesMax bounds Query, Parse, Bind, FunctionCall and CopyData: 1 GiB less a bit, PostgreSQL's MaxAllocSize.
	largeBytesMax = 0x3fffffff - 1

	// inSmall is the read buffer of a waiting connection: large enough for nearly every cycle of an OLTP client (Bind, Execute and
	// Sync of a point query take about 100 bytes), small enough that thousands of idle connections do not count.
	inSmall = 512
	// inBig is the buffer of a connection that sends more than that at once; from a pool, given back when idle.
	inBig = 32 << 10
	// outStart is the output buffer's first size; from a pool, given back when idle.
	outStart = 8 << 10
	// outFlush is when output is sent although nobody asked: below the usual socket buffer, above the cost of the system call.
	outFlush = 32 << 10
	// outKeep is the biggest output buffer that goes back to the pool; one huge value must not stay in memory for ever.
	outKeep = 64 << 10

	// nameBytesMax is PostgreSQL's NAMEDATALEN - 1: longer user and database names are cut, as there.
	nameBytesMax = 63
	// columnsMax is the most columns that a row can have (PostgreSQL's MaxTupleAttributeNumber); RowDescription counts them in an int16.
	columnsMax = 1664

	// authTimeoutDefault is PostgreSQL's authentication_timeout.
	authTimeoutDefault = 60 * time.Second
	// restInterval is how often quiet connections are looked for; a session rests after one to two of them. Shorter would throw away what a client
	// with pauses needs again, longer would let thousands of connections keep what each needed once.
	restInterval = time.Second
	// goodbyeTimeout bounds how long the last words to a client may take when it does not read.
	goodbyeTimeout = 2 * time.Second
	// acceptRetryMax bounds the pause after accept failed (out of file descriptors): short, since it heals as clients leave.
	acceptRetryMax = time.Second
	// preAuthFactor times MaxConnections is how many sockets may be open in all, those included that are refused politely;
	// beyond it they are closed unheard, so that a flood cannot take all descriptors. PostgreSQL's factor.
	preAuthFactor = 2
	// relayDialTimeout bounds the way to the leader: on a LAN it takes a millisecond, and a client that waits longer should rather ask another node.
	relayDialTimeout = 2 * time.Second
)
