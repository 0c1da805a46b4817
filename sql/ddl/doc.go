// Package ddl runs the statements that define or change catalog objects: CREATE, ALTER, DROP, COMMENT, GRANT, TRUNCATE, ANALYZE and their kin.
//
// Words are PostgreSQL's. A statement is a change of the transaction's overlay of the catalog; an object's address is (class, oid, sub) as in
// pg_depend; a storage is the keyspace of a table's rows or an index's entries (relfilenode).
//
// Invariants:
//
//	D1. Descriptors are immutable once they are in the overlay: a change makes a copy (editRelation) and puts that.
//	D2. A statement that fails leaves the overlay as it was (Run rolls it back to its mark); rows written by it are undone by the session.
//	D3. What the store must know follows from the overlay alone: at the end of a statement sync.go compares the storage definitions before and
//	    after and tells the transaction of new definitions, storages without an owner and dropped sequences. No other file calls
//	    Txn.PutTable or Txn.DropStorage.
//	D4. An index descriptor is put before its table's, since the table's storage definition is derived from both.
//	D5. Names are resolved before locks are taken, and permissions checked before either has an effect that others see.
//
// Life of a CREATE TABLE: Run (run.go) finds the statement's function; table.go makes the columns (column.go) and an empty relation; then
// constraint.go adds the constraints, index.go their indexes, fkey.go the foreign keys, sequence.go the sequences of serial and identity columns;
// sync.go registers the storage definition with the transaction.
//
// Life of a DROP: drop.go resolves the names; depend.go collects what depends on them over catalog.Edges, reports or refuses, and removes.
//
// Start debugging in Run, with the overlay's Ops after the statement.
package ddl
