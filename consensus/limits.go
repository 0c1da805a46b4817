package consensus

import "time"

const (
	// tickIntervalDefault and electionTicksDefault give a LAN group a new leader within one to two seconds, while a garbage collection
	// or a slow fsync of a few hundred milliseconds costs no election.
	tickIntervalDefault  = 100 * time.Millisecond
	electionTicksDefault = 10
	heartbeatTicks       = 1

	// batchBytesMax and batchEventsMax bound what is appended as one group: more would make the first in line wait for the last without
	// saving anything, since one fdatasync is already shared by many.
	batchBytesMax  = 8 << 20
	batchEventsMax = 4096

	// payloadBytesMax keeps an event within what log accepts and what one message carries.
	payloadBytesMax = 256 << 20

	// leaseMargin is how many ticks a lease is shorter than the election timeout: one because the others count whole ticks, one for clocks that run
	// differently fast by up to a tenth.
	leaseMargin = 2

	// messageBytesMax is the size from which raft starts another append message to a follower.
	messageBytesMax = 1 << 20
	// inflightMessagesMax and inflightBytesMax bound what is on its way to one follower; a slow one must not fill the leader's memory.
	inflightMessagesMax = 256
	inflightBytesMax    = 64 << 20
	// applyBytesMax bounds committed events handed to the applier and not yet applied.
	applyBytesMax = 16 << 20
	// uncommittedBytesMax bounds what a leader without a quorum takes in before it drops proposals.
	uncommittedBytesMax = 512 << 20

	// lostLeaderTicks is how many election timeouts a proposal waits for its fate after leadership was lost.
	lostLeaderTimeouts = 2
	// diskFullRetry is how often an append that met a full disk is tried again.
	diskFullRetry = 200 * time.Millisecond
)
