package session

import (
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
)

// tempSchema returns the session's temporary schema. It lives in the overlay of a transaction like all else, but its objects are
// taken out of the log's catalog: see settleTemp.
func (s *Session) tempSchema() (types.OID, error) {
	if s.temp != 0 {
		return s.temp, nil
	}
	name := "pg_temp_" + itoa(int(s.info.PID))
	r := s.reader()
	if sc := r.SchemaByName(name); sc != nil { // left by a session with the same pid
		s.temp = sc.OID
		return s.temp, nil
	}
	oid, err := s.e.opts.Manager.NewOID(s.ctx)
	if err != nil {
		return 0, err
	}
	d := &catalog.Schema{Header: catalog.Header{OID: oid, Database: s.db, Name: name, Owner: catalog.SuperuserOID, Version: 1}}
	s.overlay().Put(d)
	s.temp = oid
	tx := s.tx
	tx.tx.OnEnd(func(committed bool) {
		if !committed && s.temp == oid {
			s.temp = 0
			s.set.epoch++
		}
	})
	s.set.epoch++
	return oid, nil
}

// setOnCommit registers a temporary table's ON COMMIT action for this transaction.
func (s *Session) setOnCommit(table types.OID, action byte) {
	if action == 'D' {
		s.tx.dropTmp = append(s.tx.dropTmp, table)
	}
}

// settleTemp applies ON COMMIT DROP and ON COMMIT DELETE ROWS.
func (s *Session) settleTemp() error {
	if s.temp == 0 {
		return nil
	}
	var clear []projections.StorageID
	for _, rel := range s.reader().Relations(s.temp) {
		if rel.OnCommit == 'd' {
			clear = append(clear, rel.Storage)
			for _, ix := range rel.Indexes {
				if r := s.reader().Relation(ix); r != nil {
					clear = append(clear, r.Storage)
				}
			}
		}
	}
	if len(clear) > 0 {
		s.tx.tx.OnEnd(func(committed bool) {
			if committed {
				for _, id := range clear {
					s.backend.DropTemp(id)
				}
			}
		})
	}
	for _, oid := range s.tx.dropTmp {
		if rel := s.reader().Relation(oid); rel != nil {
			if _, err := s.dropRelation(rel); err != nil {
				return err
			}
		}
	}
	return nil
}

// discardTemp drops the session's temporary objects.
func (s *Session) discardTemp() error {
	if s.temp == 0 {
		return nil
	}
	s.ensure()
	for _, rel := range s.reader().Relations(s.temp) {
		if rel.RelKind == 'i' {
			continue
		}
		if s.reader().Relation(rel.OID) == nil { // went with another
			continue
		}
		if _, err := s.dropRelation(rel); err != nil {
			return err
		}
	}
	return nil
}

// dropRelation drops a temporary relation with all that depends on it.
func (s *Session) dropRelation(rel *catalog.Relation) (int64, error) {
	kind := "TABLE"
	switch rel.RelKind {
	case 'v':
		kind = "VIEW"
	case 'S':
		kind = "SEQUENCE"
	}
	return 0, s.internalDDL("DROP " + kind + " IF EXISTS pg_temp." + catalog.QuoteIdent(rel.Name) + " CASCADE")
}

// dropTemp runs at the end of the session.
func (s *Session) dropTemp() {
	if s.temp == 0 {
		return
	}
	s.begin(s.ctx, nil)
	if err := s.discardTemp(); err != nil {
		if s.tx != nil {
			s.rollback()
		}
		return
	}
	if sc := s.reader().Schema(s.temp); sc != nil {
		s.overlay().Delete(sc)
	}
	if s.tx != nil {
		if err := s.commit(); err != nil && s.tx != nil {
			s.rollback()
		}
	}
}

// internalDDL runs a definition statement of our own making.
func (s *Session) internalDDL(sql string) error {
	stmts, err := parser.Parse(sql)
	if err != nil {
		return err
	}
	u := &utility{s: s, sql: sql, stmt: &stmts[0]}
	_, err = u.define()
	return err
}
