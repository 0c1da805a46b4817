package session

import (
	"context"
	"time"

	"go.uber.org/zap"

	"kimberlite/pgwire"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
)

// autoanalyzePID is what pg_stat_activity shows for the one worker. Clients' numbers are above it.
const autoanalyzePID = 100

// Autoanalyze gathers statistics of tables that changed much, like PostgreSQL's autovacuum and under its settings, until the context ends.
func (e *Engine) Autoanalyze(ctx context.Context) {
	set := newSettings(e.defaults)
	if !set.boolean("autovacuum") {
		return
	}
	ticker := time.NewTicker(time.Duration(set.number("autovacuum_naptime") * float64(time.Second)))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.forgetDropped()
			if e.opts.Leading == nil || e.opts.Leading() {
				e.autoanalyze(ctx, set)
			}
		}
	}
}

// autoanalyze looks at all tables once.
func (e *Engine) autoanalyze(ctx context.Context, set *settings) {
	threshold, scale := set.number("autovacuum_analyze_threshold"), set.number("autovacuum_analyze_scale_factor")
	snap := e.opts.Catalog()
	for _, db := range snap.Bind(0).Databases() {
		r := snap.Bind(db.OID)
		for _, rel := range r.Relations(0) {
			if rel.Database != db.OID || rel.Persistence == 't' || rel.RelKind != 'r' && rel.RelKind != 'm' {
				continue
			}
			if float64(e.staleRows(r, rel)) > threshold+scale*statRows(r, rel) {
				if err := e.analyzeInBackground(ctx, db, rel); err != nil && ctx.Err() == nil {
					e.opts.Logger.Warn("automatic analyze failed and is tried again", zap.String("database", db.Name), zap.String("table", rel.Name), zap.Error(err))
				}
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// staleRows is how many rows of a table its statistics do not know of; all of them when it has no statistics, which a restart does not forget.
func (e *Engine) staleRows(r catalog.Reader, rel *catalog.Relation) int64 {
	changed := int64(0)
	if t := e.stats.known(rel.OID); t != nil {
		changed = t.stale()
	}
	if r.Stats(rel.OID) == nil {
		changed = max(changed, e.opts.Store.RowCount(rel.Storage))
	}
	return changed
}

func statRows(r catalog.Reader, rel *catalog.Relation) float64 {
	if s := r.Stats(rel.OID); s != nil {
		return s.Rows
	}
	return 0
}

// analyzeInBackground runs ANALYZE of a table in a session of its own.
func (e *Engine) analyzeInBackground(ctx context.Context, db *catalog.Database, rel *catalog.Relation) error {
	owner := e.opts.Catalog().Bind(db.OID).Role(catalog.SuperuserOID)
	schema := e.opts.Catalog().Bind(db.OID).Schema(rel.Schema)
	if owner == nil || schema == nil {
		return nil // dropped meanwhile
	}
	s, err := newSession(e, pgwire.StartupInfo{User: owner.Name, Database: db.Name, PID: autoanalyzePID, Start: time.Now()}, owner, db)
	if err != nil {
		return err
	}
	s.kind = "autovacuum worker"
	e.mu.Lock()
	e.sessions[autoanalyzePID] = s
	e.mu.Unlock()
	e.stats.connected(db.OID)
	defer s.Close()
	started := time.Now()
	name := catalog.QuoteIdent(schema.Name) + "." + catalog.QuoteIdent(rel.Name)
	if err := s.runInBackground(ctx, "ANALYZE "+name, "autovacuum: ANALYZE "+schema.Name+"."+rel.Name); err != nil {
		return err
	}
	e.opts.Logger.Debug("automatic analyze", zap.String("database", db.Name), zap.String("table", name), zap.Duration("took", time.Since(started)))
	return nil
}

// runInBackground runs one utility statement that has no client.
func (s *Session) runInBackground(ctx context.Context, sql, shown string) error {
	s.begin(ctx, nil)
	s.ensure()
	s.setState("active", shown)
	stmts, err := parser.Parse(sql)
	if err != nil {
		return err
	}
	u := &utility{s: s, sql: sql, stmt: &stmts[0]}
	if _, err := u.run(); err != nil {
		return err // Close rolls back
	}
	return s.finish()
}

// analyzing is ddl.Env.Analyzing: progress, and that the table counts as analyzed once the transaction has committed.
func (s *Session) analyzing(rel types.OID, rows int64, done bool) {
	if s.uncounted = !done; done {
		s.progress(nil)
		s.tx.onCommit = append(s.tx.onCommit, func() { s.e.stats.analyzed(rel, s.info.PID == autoanalyzePID) })
		return
	}
	p := &catalog.ProgressStat{Relation: rel, Command: "ANALYZE", Phase: "acquiring sample rows", Done: rows}
	if r := s.reader().Relation(rel); r != nil && r.Storage != 0 {
		p.Total = max(s.e.opts.Store.RowCount(r.Storage), rows)
	}
	s.progress(p)
}

// forgetDropped drops the counters of what exists no more.
func (e *Engine) forgetDropped() {
	snap := e.opts.Catalog()
	rels, dbs := map[types.OID]bool{}, map[types.OID]bool{}
	for _, db := range snap.Bind(0).Databases() {
		dbs[db.OID] = true
		for _, rel := range snap.Bind(db.OID).Relations(0) {
			rels[rel.OID] = true
		}
	}
	e.stats.forget(func(oid types.OID) bool { return oid < catalog.FirstNormalOID || rels[oid] }, func(oid types.OID) bool { return dbs[oid] })
}
