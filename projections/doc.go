// Package projections turns the event log into state that can be queried: rows, indexes, history, catalog descriptors, sequences and the
// digests that prove replicas equal, all in one Pebble store. Throwing the store away costs a replay of the log, nothing else.
//
// Words: a row image is a row's encoded values; a row version is an image with the position of the event that wrote it; a storage is a
// keyspace of rows or of index entries; a logical key is an index key without the store's framing; a snapshot is the state after one event.
//
// Invariants:
//
//	P1. The store's state is a function of the log up to the applied position: nothing from a clock, a map's order or a random source
//	    enters it. (Exceptions that no digest covers: how much history is kept, and entries of indexes half built.)
//	P2. Every Pebble batch of the projector carries the applied record that belongs to it and memtables are flushed in order, so a crash
//	    leaves the state after some event, and replay goes on from there. There is no WAL.
//	P3. A snapshot is never in the middle of an event, even of one that takes many batches (chunks.go).
//	P4. An index holds exactly the entries that its table's rows compute to; Verify checks it both ways.
//	P5. A row id is never used twice in a storage.
//	P6. Encodings (keys.go, rowcodec.go, index.go, eventcodec.go, defcodec.go, digest.go) are frozen; testdata pins them.
//
// Life of a row: a transaction encodes it (rowcodec.go) and computes its index entries for its own use (index.go); the image travels in an
// event (event.go, eventcodec.go); the projector (projector.go) applies it (apply.go): subtracts the old version's hash and adds the new one's
// (digest.go), keeps the old version as history, maintains the entries whose keys changed, writes the row. A Snapshot (snapshot.go) finds it; a
// RowDecoder takes it apart into vectors. Prune (history.go) removes old versions one day. New indexes are built in backfill.go;
// store.go opens and closes; rebuild.go starts over; verify.go distrusts everything; status.go is for views.
//
// Beside that path: a large transaction comes in chunks (chunks.go), and a bulk load skips the memtable (load.go); hot.go and keytop.go spare
// look-ups of single keys.
//
// Start debugging with Verify, which names the first wrong row or index, and with AppliedPosition against the log's last position.
package projections
