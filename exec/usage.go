package exec

import (
	"sync/atomic"

	"kimberlite/sql/types"
)

// Usage counts what executions did to one table or index. Counters only grow, also by transactions that are rolled back, as in PostgreSQL.
type Usage struct {
	Scans   atomic.Int64 // started: sequential ones of a table, any of an index
	Read    atomic.Int64 // rows or entries that they returned, before conditions that the scan does not use itself
	Fetched atomic.Int64 // rows read because an index named them

	Inserted, Updated, Deleted atomic.Int64
}

// scanned is what one scan has to add to the counters of a relation.
type scanned struct{ scans, read, fetched int64 }

// report adds it at the end of an execution.
func (c *scanned) report(st *state, oid types.OID) {
	if *c == (scanned{}) {
		return
	}
	if st.ctx != nil && st.ctx.Usage != nil {
		u := st.ctx.Usage(oid)
		u.Scans.Add(c.scans)
		u.Read.Add(c.read)
		u.Fetched.Add(c.fetched)
	}
	*c = scanned{}
}
