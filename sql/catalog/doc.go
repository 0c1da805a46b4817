// Package catalog knows what objects exist: the user's (descriptors, from the log) and PostgreSQL's built-in ones (generated data).
//
// Words. A descriptor is one object's record: a database, schema, relation, type, role and so on (desc.go), put and deleted by catalog operations
// (Op) in the event log. A Snapshot is the set of all descriptors at a position. A Bound is a snapshot seen from one database, through one search path. An
// Overlay is a Bound with a transaction's own operations on top. A virtual table is a catalog relation whose rows are computed when they are read.
//
// Invariants:
//
//	C1. Snapshots, Bounds and descriptors are immutable; a change makes a new snapshot that shares nearly everything with the old one.
//	C2. Applying the same operations to equal snapshots gives equal snapshots: nothing depends on a clock, a map's order or this node.
//	C3. An overlay looks exactly as the snapshot will that its operations make (a property test pins this).
//	C4. Built-in rows have PostgreSQL's OIDs, below 16384; user objects have OIDs from 16384 on. Kimberlite's own relations have OIDs from 15000.
//	C5. Built-in rows cost memory only when somebody asks for them: the data stays in the executable, and rows are parsed on demand.
//	C6. The row type and the array type of a relation, and the array type of a type, exist through their owner's descriptor and have none of their own.
//
// Life of an object: the session builds a descriptor with an OID from an OIDAllocator and puts it in its Overlay; commit turns the operations into log
// form (Op.Log); the projector stores them and tells the catalog's listener, which applies them to the newest Snapshot;
// later statements see it through a Bound; pg_class and its kin list it (vtable_*.go).
//
// Files: desc.go and reader.go (the contract), codec.go (log form), snapshot.go, bound.go, overlay.go, bootstrap.go (a new cluster), tabledef.go (storage
// definitions), data.go and builtin_*.go (generated rows), vtable_*.go (virtual tables), infoschema_*.go (information_schema).
//
// Start debugging with Snapshot.Dump.
package catalog
