// Package txn runs transactions on the leader: snapshots, write sets, locks, isolation, savepoints, sequences and commit.
//
// Words, PostgreSQL's where it has one:
//
//	backend      a session as the lock manager sees it: the unit that waits, named by its process id (pid)
//	transaction  Txn: begun, then committed or rolled back, once; it gets an id (xid) when it first writes or locks a row
//	command      one SQL statement, or a part of one that must see what the part before wrote; numbered within the transaction
//	view         what a command sees: a snapshot of the committed state, overlaid with what earlier commands of the transaction wrote
//	write set    those writes, by table and row, each row with its versions by command
//	outcome      what became of a row while its lock was waited for
//
// Invariants:
//
//	T1. Only a backend's own goroutine uses its transaction; locks, sequences and transaction ends are safe between backends.
//	T2. A command never sees rows written by itself (no Halloween problem): a version is visible to commands with a higher number.
//	T3. Nobody writes a row without holding its lock, or an entry of a unique index without holding the key's lock, and all locks are kept
//	    until the commit event is applied here: what is read under a lock from the newest committed state cannot change.
//	T4. What a transaction wrote is in memory of the leader only until its event is proposed. Rolling back is forgetting.
//	T5. An xid, an OID and a sequence value are never given twice, crash or not: ranges are logged ahead (sequence.go).
//	T6. Locks are taken in this order inside the package: the wait mutex, then one shard of a lock table, then the owners of keys. Nothing else is
//	    called with them held.
//
// Life of an UPDATE of one row: Begin; Command takes a View; the executor finds the row through the View (scan.go, get.go); LockRow takes
// the row's lock (rowlock.go), waiting if need be (wait.go), and tells whether the row changed meanwhile; Update computes index entries,
// takes key locks and checks uniqueness (unique.go), and puts the new image into the write set (writeset.go); Commit encodes the write set
// as one event (commit.go), proposes it, and releases the locks when it is applied.
//
// Beside that path: savepoints and temporary tables share the write set (txn.go, writeset.go); an index made by the transaction itself is read
// through build.go; a bulk load leaves memory before it commits (spill.go); table and advisory locks are in heavylock.go, deadlocks in wait.go.
//
// What we do not do: SERIALIZABLE (the session refuses it), a limit on lock memory other than that of the write set, and large UPDATEs and
// DELETEs out of memory: about 200 bytes a row and the row itself stay until the commit.
//
// Start debugging with Manager.Locks and Manager.Transactions, which pg_locks and pg_stat_activity show.
package txn
