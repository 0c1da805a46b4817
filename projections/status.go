package projections

import (
	"kimberlite/log"
	"kimberlite/sql/types"
)

// ProjectionStatus is a row of kimberlite.projections.
type ProjectionStatus struct {
	Name             string
	Applied, Durable log.Position
	Bytes            int64 // on disk
	Entries          int64 // -1: not counted
}

// TableSize tells how much a table takes.
type TableSize struct {
	Table      types.OID
	Storage    StorageID
	Rows       int64 // exact
	RowBytes   int64 // on disk, estimated
	IndexBytes int64
}

// Status lists the projections in the store. They share the applied and the durable position.
func (s *Store) Status() ([]ProjectionStatus, error) {
	durable, err := s.Durable()
	if err != nil {
		return nil, err
	}
	applied := s.Applied()
	s.mu.RLock()
	rows := int64(0)
	for id, d := range s.digests {
		if id != 0 {
			rows += d.rows
		}
	}
	descriptors := int64(0)
	if d := s.digests[0]; d != nil {
		descriptors = d.rows
	}
	s.mu.RUnlock()
	list := []ProjectionStatus{
		{Name: "current", Entries: rows}, {Name: "indexes", Entries: -1}, {Name: "history", Entries: -1}, {Name: "catalog", Entries: descriptors},
	}
	for i, space := range []byte{spaceRow, spaceIndex, spaceHistory, spaceCatalog} {
		n, err := s.db.EstimateDiskUsage([]byte{space}, []byte{space + 1})
		if err != nil {
			return nil, readError(err)
		}
		list[i].Applied, list[i].Durable, list[i].Bytes = applied, durable, int64(n)
	}
	return list, nil
}

// Size tells how much a table takes.
func (s *Store) Size(def *TableDef) (TableSize, error) {
	t := TableSize{Table: def.Table, Storage: def.Storage, Rows: s.RowCount(def.Storage)}
	var err error
	if t.RowBytes, err = s.RowBytes(def.Storage); err != nil {
		return t, err
	}
	for i := range def.Indexes {
		n, err := s.IndexBytes(def.Indexes[i].Storage)
		if err != nil {
			return t, err
		}
		t.IndexBytes += n
	}
	return t, nil
}
