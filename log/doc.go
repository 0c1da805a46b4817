// Package log stores the events that consensus agreed on, and proves that none was lost, changed or reordered. It is raft's storage
// itself: there is no second write-ahead log.
//
// # Words
//
// An event has a position (raft's index, dense, from 1), a view (raft's term), a kind and a payload. A record is an event with its framing in a
// segment file. The chain is the sequence of hashes, each over the one before and an event's content. The tail is what is behind the last
// whole record of the last segment. Durable is what survives a power cut; acknowledged is what a client was told. A segment is active, then
// sealed, then compressed.
//
// # Invariants
//
//	L1 Positions are dense: record n follows record n-1, in a file or across two.
//	L2 hash[n] = SHA-256(hash[n-1], n, view, kind, payload); hash[0] names the cluster. Every segment's header repeats the hash before it.
//	L3 After Sync returned, a crash keeps everything appended before it; a sync that failed is never tried again.
//	L4 Bytes behind the last record of a file that can still be written are zero, so that a torn write can be told from damage.
//	L5 A segment with a successor has a footer, and a footer is written only when all records before it are durable.
//	L6 meta/ never claims more than what is durable in log/: not of commits, not of acknowledgements.
//	L7 What is committed is never truncated; only what is committed is compressed.
//	L8 Whoever returns an event from a file has checked its checksums, and its place in the chain against its neighbour.
//
// segment.go has the invariants of the picture in memory; recover.go the table by which the tail is judged; format.go every byte on disk.
//
// # Life of an event
//
//	append.go   Append encodes it into the write buffer with its hash, one write for the whole group; the border of two
//	            segments is here as well: seal, next header, rename.
//	append.go   Sync: one fdatasync, then it is durable.
//	cache.go    It stays in memory for those who want it soon: storage.go (raft), read.go (projections, Events).
//	read.go     Later it is read from its file: anchors find the place, scan.go decodes, chainCheck verifies.
//	compress.go Its segment is sealed, then rewritten with zstd once committed.
//	verify.go   Verify walks over it; inspect.go prints it even from a log that does not open.
//	maintain.go Its segment is dropped by retention, if the operator wants that; the file may be recycled.
//	storage.go  Or it was never committed, and truncate forgets it.
//
// meta.go holds the hard state, the identity and how much was acknowledged, beside the log, so that the loss of log/ is noticed.
//
// # Not here
//
// Who may append (package consensus), what a payload means (projections), snapshots, keys and signatures.
//
// # Debugging
//
// Start with "kimberlite-admin inspect log": it reads what is there, also behind damage. Errors of Open carry the row of the recovery
// table (T1 to T11). TestSimPowerLoss replays a crash from a seed.
package log
