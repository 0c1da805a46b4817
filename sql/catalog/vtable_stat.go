package catalog

import (
	"slices"
	"strconv"
	"time"

	"kimberlite/sql/types"
)

// statTables are the views of what sessions and server do. Views of PostgreSQL that have no counterpart here are empty.
var statTables = map[string]func() vtable{
	"pg_stat_activity": pgStatActivity, "pg_stat_ssl": pgStatSSL, "pg_stat_gssapi": pgStatGSSAPI, "pg_locks": pgLocks,
	"pg_stat_database": pgStatDatabase, "pg_stat_database_conflicts": pgStatDatabaseConflicts,
	"pg_stat_all_tables":       tableStats(anyTable, true),
	"pg_stat_user_tables":      tableStats(userTable, true),
	"pg_stat_sys_tables":       tableStats(sysTable, true),
	"pg_stat_xact_all_tables":  tableStats(anyTable, false),
	"pg_stat_xact_user_tables": tableStats(userTable, false),
	"pg_stat_xact_sys_tables":  tableStats(sysTable, false),
	"pg_statio_all_tables":     tableStats(anyTable, true),
	"pg_statio_user_tables":    tableStats(userTable, true),
	"pg_statio_sys_tables":     tableStats(sysTable, true),
	"pg_stat_all_indexes":      indexStats(anyTable),
	"pg_stat_user_indexes":     indexStats(userTable),
	"pg_stat_sys_indexes":      indexStats(sysTable),
	"pg_statio_all_indexes":    indexStats(anyTable),
	"pg_statio_user_indexes":   indexStats(userTable),
	"pg_statio_sys_indexes":    indexStats(sysTable),
	"pg_statio_all_sequences":  sequenceStats(anyTable), "pg_statio_user_sequences": sequenceStats(userTable),
	"pg_stat_bgwriter": pgStatBgWriter, "pg_stat_wal": pgStatWal, "pg_stat_archiver": pgStatArchiver, "pg_stat_replication": pgStatReplication,
	"pg_stat_wal_receiver": pgStatWalReceiver, "pg_settings": pgSettings, "pg_prepared_statements": pgPreparedStatements, "pg_cursors": pgCursors,
	"pg_timezone_names": pgTimezoneNames, "pg_hba_file_rules": pgHBAFileRules, "pg_config": pgConfig,
	"pg_stat_progress_analyze": progress("ANALYZE"), "pg_stat_progress_create_index": progress("CREATE INDEX"), "pg_stat_progress_copy": progress("COPY"),
	"pg_stat_slru": pgStatSLRU, "pg_stat_statements": pgStatStatements, "pg_stat_statements_info": pgStatStatementsInfo,
}

func intDatum[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64](n T) types.Datum {
	return types.Int(int64(n))
}

func xidOrNull(x uint64) types.Datum {
	if x == 0 {
		return types.NullDatum
	}
	return types.Int(int64(uint32(x)))
}

func oidOrNull(o types.OID) types.Datum {
	if o == 0 {
		return types.NullDatum
	}
	return oidDatum(o)
}

// mayRead reports whether the current role may see what a role's sessions do: its own, or through pg_read_all_stats.
func mayRead(e *Env, user types.OID) bool {
	r := e.b().Role(e.User)
	if r == nil || r.Super || user == e.User {
		return true
	}
	roles := MemberOf(e.Reader, e.User, true)
	return slices.Contains(roles, RoleReadAllStats) || slices.Contains(roles, user)
}

func pgStatActivity() vtable {
	type fn = func(*Env, *SessionStat) types.Datum
	shown := func(f fn) fn { // only to whom it concerns
		return func(e *Env, s *SessionStat) types.Datum {
			if !mayRead(e, s.User) {
				return types.NullDatum
			}
			return f(e, s)
		}
	}
	at := func(f func(s *SessionStat) int64) fn {
		return shown(func(e *Env, s *SessionStat) types.Datum { return timeOrNull(f(s)) })
	}
	text := func(f func(s *SessionStat) string) fn {
		return shown(func(e *Env, s *SessionStat) types.Datum { return textOrNull(f(s)) })
	}
	return table[*SessionStat]{
		rows: eachSession,
		cols: map[string]fn{
			"datid":   func(e *Env, s *SessionStat) types.Datum { return oidOrNull(s.Database) },
			"datname": func(e *Env, s *SessionStat) types.Datum { return databaseName(e, s.Database) },
			"pid":     func(e *Env, s *SessionStat) types.Datum { return intDatum(s.PID) },
			"usesysid": func(e *Env, s *SessionStat) types.Datum {
				return oidOrNull(s.User)
			},
			"usename":          func(e *Env, s *SessionStat) types.Datum { return roleOrNull(e, s.User) },
			"application_name": func(e *Env, s *SessionStat) types.Datum { return types.Str(s.Application) },
			"client_addr":      shown(func(e *Env, s *SessionStat) types.Datum { return textDatum(types.OIDInet, s.ClientAddr) }),
			"client_hostname":  text(func(s *SessionStat) string { return s.ClientHost }),
			"client_port": shown(func(e *Env, s *SessionStat) types.Datum {
				if s.ClientPort == 0 {
					return types.NullDatum
				}
				return intDatum(s.ClientPort)
			}),
			"backend_start":   at(func(s *SessionStat) int64 { return s.BackendStart }),
			"xact_start":      at(func(s *SessionStat) int64 { return s.XactStart }),
			"query_start":     at(func(s *SessionStat) int64 { return s.QueryStart }),
			"state_change":    at(func(s *SessionStat) int64 { return s.StateChange }),
			"wait_event_type": text(func(s *SessionStat) string { return s.WaitEventType }),
			"wait_event":      text(func(s *SessionStat) string { return s.WaitEvent }),
			"state":           text(func(s *SessionStat) string { return s.State }),
			"backend_xid":     func(e *Env, s *SessionStat) types.Datum { return xidOrNull(s.XID) },
			"backend_xmin":    func(e *Env, s *SessionStat) types.Datum { return xidOrNull(s.Xmin) },
			"query_id": shown(func(e *Env, s *SessionStat) types.Datum {
				if s.QueryID == 0 {
					return types.NullDatum
				}
				return types.Int(s.QueryID)
			}),
			"query": func(e *Env, s *SessionStat) types.Datum {
				if !mayRead(e, s.User) {
					return types.Str("<insufficient privilege>")
				}
				return types.Str(s.Query)
			},
			"backend_type": text(func(s *SessionStat) string { return s.BackendType }),
		},
	}
}

func eachSession(s *scan, emit func(*SessionStat)) {
	list := s.stats().Sessions()
	pids, byPID := s.oids("pid")
	for i := range list {
		if !byPID || slices.Contains(pids, types.OID(list[i].PID)) {
			emit(&list[i])
		}
	}
}

func databaseName(e *Env, oid types.OID) types.Datum {
	if d := e.b().Database(oid); d != nil {
		return types.Str(d.Name)
	}
	return types.NullDatum
}

func roleOrNull(e *Env, oid types.OID) types.Datum {
	if r := e.b().Role(oid); r != nil {
		return types.Str(r.Name)
	}
	return types.NullDatum
}

func clientSessions(s *scan, emit func(*SessionStat)) {
	eachSession(s, func(x *SessionStat) {
		if x.BackendType == "client backend" {
			emit(x)
		}
	})
}

func pgStatSSL() vtable {
	type fn = func(*Env, *SessionStat) types.Datum
	tls := func(f func(s *SessionStat) types.Datum) fn {
		return func(e *Env, s *SessionStat) types.Datum {
			if !s.TLS || !mayRead(e, s.User) {
				return types.NullDatum
			}
			return f(s)
		}
	}
	return table[*SessionStat]{rows: clientSessions, cols: map[string]fn{
		"pid":     func(e *Env, s *SessionStat) types.Datum { return intDatum(s.PID) },
		"ssl":     func(e *Env, s *SessionStat) types.Datum { return types.Bool(s.TLS) },
		"version": tls(func(s *SessionStat) types.Datum { return textOrNull(s.TLSVersion) }),
		"cipher":  tls(func(s *SessionStat) types.Datum { return textOrNull(s.TLSCipher) }),
		"bits":    tls(func(s *SessionStat) types.Datum { return intDatum(s.TLSBits) }),
	}}
}

func pgStatGSSAPI() vtable {
	type fn = func(*Env, *SessionStat) types.Datum
	return table[*SessionStat]{rows: clientSessions, cols: map[string]fn{
		"pid":               func(e *Env, s *SessionStat) types.Datum { return intDatum(s.PID) },
		"gss_authenticated": constCol[*SessionStat](types.Bool(false)),
		"encrypted":         constCol[*SessionStat](types.Bool(false)),
	}}
}

func pgLocks() vtable {
	type fn = func(*Env, *LockStat) types.Datum
	object := func(f func(l *LockStat) types.Datum) fn {
		return func(e *Env, l *LockStat) types.Datum {
			if !l.HasObject {
				return types.NullDatum
			}
			return f(l)
		}
	}
	notNegative := func(n int64) types.Datum {
		if n < 0 {
			return types.NullDatum
		}
		return types.Int(n)
	}
	return table[*LockStat]{
		rows: func(s *scan, emit func(*LockStat)) {
			list := s.stats().Locks()
			for i := range list {
				emit(&list[i])
			}
		},
		cols: map[string]fn{
			"locktype": func(e *Env, l *LockStat) types.Datum { return types.Str(l.Type) },
			"database": func(e *Env, l *LockStat) types.Datum {
				if !l.HasDatabase {
					return types.NullDatum
				}
				return oidDatum(l.Database)
			},
			"relation":           func(e *Env, l *LockStat) types.Datum { return oidOrNull(l.Relation) },
			"page":               func(e *Env, l *LockStat) types.Datum { return notNegative(l.Page) },
			"tuple":              func(e *Env, l *LockStat) types.Datum { return notNegative(l.Tuple) },
			"virtualxid":         func(e *Env, l *LockStat) types.Datum { return textOrNull(l.VirtualXID) },
			"transactionid":      func(e *Env, l *LockStat) types.Datum { return xidOrNull(l.XID) },
			"classid":            object(func(l *LockStat) types.Datum { return oidDatum(l.ClassID) }),
			"objid":              object(func(l *LockStat) types.Datum { return oidDatum(l.ObjID) }),
			"objsubid":           object(func(l *LockStat) types.Datum { return intDatum(l.ObjSubID) }),
			"virtualtransaction": func(e *Env, l *LockStat) types.Datum { return textOrNull(l.VirtualTransaction) },
			"pid":                func(e *Env, l *LockStat) types.Datum { return intDatum(l.PID) },
			"mode":               func(e *Env, l *LockStat) types.Datum { return types.Str(l.Mode) },
			"granted":            func(e *Env, l *LockStat) types.Datum { return types.Bool(l.Granted) },
			"fastpath":           constCol[*LockStat](types.Bool(false)),
			"waitstart":          func(e *Env, l *LockStat) types.Datum { return timeOrNull(l.WaitStart) },
		},
	}
}

// dbStat is a row of pg_stat_database; oid 0 is the row for shared objects.
type dbStat struct {
	oid types.OID
	DatabaseStat
}

func pgStatDatabase() vtable {
	type fn = func(*Env, *dbStat) types.Datum
	n := func(f func(d *dbStat) int64) fn {
		return func(e *Env, d *dbStat) types.Datum { return types.Int(f(d)) }
	}
	f := func(f func(d *dbStat) float64) fn {
		return func(e *Env, d *dbStat) types.Datum { return floatDatum(f(d)) }
	}
	return table[*dbStat]{
		rows: func(s *scan, emit func(*dbStat)) {
			emit(&dbStat{0, s.stats().DatabaseStat(0)})
			for _, d := range s.b().Databases() {
				emit(&dbStat{d.OID, s.stats().DatabaseStat(d.OID)})
			}
		},
		cols: map[string]fn{
			"datid":   func(e *Env, d *dbStat) types.Datum { return oidDatum(d.oid) },
			"datname": func(e *Env, d *dbStat) types.Datum { return databaseName(e, d.oid) },
			"numbackends": func(e *Env, d *dbStat) types.Datum {
				if d.oid == 0 {
					return types.NullDatum
				}
				return intDatum(d.Backends)
			},
			"xact_commit": n(func(d *dbStat) int64 { return d.Commits }), "xact_rollback": n(func(d *dbStat) int64 { return d.Rollbacks }),
			"blks_read": n(func(d *dbStat) int64 { return d.BlocksRead }), "blks_hit": n(func(d *dbStat) int64 { return d.BlocksHit }),
			"tup_returned": n(func(d *dbStat) int64 { return d.Returned }), "tup_fetched": n(func(d *dbStat) int64 { return d.Fetched }),
			"tup_inserted": n(func(d *dbStat) int64 { return d.Inserted }), "tup_updated": n(func(d *dbStat) int64 { return d.Updated }),
			"tup_deleted": n(func(d *dbStat) int64 { return d.Deleted }), "conflicts": constCol[*dbStat](types.Int(0)),
			"temp_files": n(func(d *dbStat) int64 { return d.TempFiles }), "temp_bytes": n(func(d *dbStat) int64 { return d.TempBytes }),
			"deadlocks": n(func(d *dbStat) int64 { return d.Deadlocks }), "checksum_failures": n(func(d *dbStat) int64 { return d.ChecksumFailures }),
			"blk_read_time": constCol[*dbStat](floatDatum(0)), "blk_write_time": constCol[*dbStat](floatDatum(0)),
			"session_time": f(func(d *dbStat) float64 { return d.SessionTime }), "active_time": f(func(d *dbStat) float64 { return d.ActiveTime }),
			"idle_in_transaction_time": f(func(d *dbStat) float64 { return d.IdleInTransactionTime }),
			"sessions":                 n(func(d *dbStat) int64 { return d.Sessions }), "sessions_abandoned": n(func(d *dbStat) int64 { return d.SessionsAbandoned }),
			"sessions_fatal": n(func(d *dbStat) int64 { return d.Fatal }), "sessions_killed": n(func(d *dbStat) int64 { return d.Killed }),
			"stats_reset": func(e *Env, d *dbStat) types.Datum { return timeOrNull(d.StatsReset) },
		},
	}
}

func pgStatDatabaseConflicts() vtable {
	type fn = func(*Env, *Database) types.Datum
	zero := constCol[*Database](types.Int(0))
	return table[*Database]{
		rows: func(s *scan, emit func(*Database)) {
			for _, d := range s.b().Databases() {
				emit(d)
			}
		},
		cols: map[string]fn{
			"datid":            func(e *Env, d *Database) types.Datum { return oidDatum(d.OID) },
			"datname":          func(e *Env, d *Database) types.Datum { return types.Str(d.Name) },
			"confl_tablespace": zero, "confl_lock": zero, "confl_snapshot": zero, "confl_bufferpin": zero, "confl_deadlock": zero,
		},
	}
}

// The three kinds of statistics views: all tables, the user's, the system's.
func anyTable(types.OID) bool         { return true }
func userTable(schema types.OID) bool { return !sysTable(schema) }
func sysTable(schema types.OID) bool {
	return schema == PgCatalogOID || schema == PgToastOID || schema == InformationSchemaOID
}

// relStat is a relation with its counters.
type relStat struct {
	classRow
	TableStat
}

func tableStats(keep func(types.OID) bool, whole bool) func() vtable {
	type fn = func(*Env, *relStat) types.Datum
	n := func(f func(t *TableStat) int64) fn {
		return func(e *Env, r *relStat) types.Datum { return types.Int(f(&r.TableStat)) }
	}
	at := func(f func(t *TableStat) int64) fn {
		return func(e *Env, r *relStat) types.Datum { return timeOrNull(f(&r.TableStat)) }
	}
	return func() vtable {
		return table[*relStat]{
			rows: func(s *scan, emit func(*relStat)) {
				eachStatRelation(s, keep, "rtm", func(r classRow) {
					x := &relStat{classRow: r}
					if whole && r.r != nil { // those of the transaction alone are not counted apart
						x.TableStat = s.stats().TableStat(r.r.OID)
					}
					emit(x)
				})
			},
			cols: map[string]fn{
				"relid":      func(e *Env, r *relStat) types.Datum { return oidDatum(r.oid()) },
				"schemaname": func(e *Env, r *relStat) types.Datum { return colSchema(e, r.classRow) },
				"relname":    func(e *Env, r *relStat) types.Datum { return colName(e, r.classRow) },
				"seq_scan":   n(func(t *TableStat) int64 { return t.SeqScan }), "seq_tup_read": n(func(t *TableStat) int64 { return t.SeqRead }),
				"idx_scan": func(e *Env, r *relStat) types.Datum {
					if !colHasIndex(e, r.classRow).IsTrue() {
						return types.NullDatum
					}
					return types.Int(r.IdxScan)
				},
				"idx_tup_fetch": func(e *Env, r *relStat) types.Datum {
					if !colHasIndex(e, r.classRow).IsTrue() {
						return types.NullDatum
					}
					return types.Int(r.IdxFetch)
				},
				"n_tup_ins": n(func(t *TableStat) int64 { return t.Inserted }), "n_tup_upd": n(func(t *TableStat) int64 { return t.Updated }),
				"n_tup_del": n(func(t *TableStat) int64 { return t.Deleted }), "n_tup_hot_upd": n(func(t *TableStat) int64 { return t.HotUpdated }),
				"n_live_tup": n(func(t *TableStat) int64 { return t.Live }), "n_dead_tup": n(func(t *TableStat) int64 { return t.Dead }),
				"n_mod_since_analyze": n(func(t *TableStat) int64 { return t.ModSinceAnalyze }),
				"n_ins_since_vacuum":  n(func(t *TableStat) int64 { return t.InsSinceVacuum }),
				"last_vacuum":         at(func(t *TableStat) int64 { return t.LastVacuum }), "last_autovacuum": at(func(t *TableStat) int64 { return t.LastAutovacuum }),
				"last_analyze": at(func(t *TableStat) int64 { return t.LastAnalyze }), "last_autoanalyze": at(func(t *TableStat) int64 { return t.LastAutoanalyze }),
				"vacuum_count": n(func(t *TableStat) int64 { return t.Vacuums }), "autovacuum_count": n(func(t *TableStat) int64 { return t.Autovacuums }),
				"analyze_count": n(func(t *TableStat) int64 { return t.Analyzes }), "autoanalyze_count": n(func(t *TableStat) int64 { return t.Autoanalyzes }),
				"heap_blks_read": n(func(t *TableStat) int64 { return t.HeapRead }), "heap_blks_hit": n(func(t *TableStat) int64 { return t.HeapHit }),
				"idx_blks_read": n(func(t *TableStat) int64 { return t.IdxRead }), "idx_blks_hit": n(func(t *TableStat) int64 { return t.IdxHit }),
			},
		}
	}
}

// eachStatRelation emits relations of some kinds in the schemas that keep accepts; constraints on relid, relname and schemaname are used.
func eachStatRelation(s *scan, keep func(types.OID) bool, kinds string, emit func(classRow)) {
	give := func(r classRow) {
		if keep(r.schema()) && slices.Contains([]byte(kinds), r.kind()) {
			emit(r)
		}
	}
	if _, ok := s.oids("relid"); ok {
		classRows("relid", "relname", "")(s, give)
		return
	}
	classView("schemaname", "relname", kinds)(s, give)
}

// ixStat is an index with its counters.
type ixStat struct {
	table, index *Relation
	IndexStat
}

func indexStats(keep func(types.OID) bool) func() vtable {
	type fn = func(*Env, *ixStat) types.Datum
	n := func(f func(t *ixStat) int64) fn {
		return func(e *Env, r *ixStat) types.Datum { return types.Int(f(r)) }
	}
	return func() vtable {
		return table[*ixStat]{
			rows: func(s *scan, emit func(*ixStat)) {
				eachIndex(s, "indexrelid", "relid", func(r *Relation) {
					t := s.b().Relation(r.Index.Table)
					if t == nil || !keep(t.Schema) {
						return
					}
					x := &ixStat{table: t, index: r}
					if r.OID >= FirstNormalOID {
						x.IndexStat = s.stats().IndexStat(r.OID)
					}
					emit(x)
				})
			},
			cols: map[string]fn{
				"relid":         func(e *Env, r *ixStat) types.Datum { return oidDatum(r.table.OID) },
				"indexrelid":    func(e *Env, r *ixStat) types.Datum { return oidDatum(r.index.OID) },
				"schemaname":    func(e *Env, r *ixStat) types.Datum { return schemaName_(e, r.table.Schema) },
				"relname":       func(e *Env, r *ixStat) types.Datum { return types.Str(r.table.Name) },
				"indexrelname":  func(e *Env, r *ixStat) types.Datum { return types.Str(r.index.Name) },
				"idx_scan":      n(func(t *ixStat) int64 { return t.Scans }),
				"idx_tup_read":  n(func(t *ixStat) int64 { return t.Read }),
				"idx_tup_fetch": n(func(t *ixStat) int64 { return t.Fetched }),
				"idx_blks_read": n(func(t *ixStat) int64 { return t.BlocksRead }),
				"idx_blks_hit":  n(func(t *ixStat) int64 { return t.BlocksHit }),
			},
		}
	}
}

func sequenceStats(keep func(types.OID) bool) func() vtable {
	return func() vtable {
		return table[classRow]{
			rows: func(s *scan, emit func(classRow)) { eachStatRelation(s, keep, "S", emit) },
			cols: map[string]classFn{
				"relid":      func(e *Env, r classRow) types.Datum { return oidDatum(r.oid()) },
				"schemaname": colSchema, "relname": colName,
				"blks_read": constCol[classRow](types.Int(0)), "blks_hit": constCol[classRow](types.Int(0)),
			},
		}
	}
}

// one is a virtual table of a single row made by get.
func one[R any](get func(e *Env) (R, bool), cols map[string]func(*Env, R) types.Datum) vtable {
	return table[R]{rows: func(s *scan, emit func(R)) {
		if r, ok := get(s.Env); ok {
			emit(r)
		}
	}, cols: cols}
}

func pgStatBgWriter() vtable {
	type fn = func(*Env, BgWriterStat) types.Datum
	zero := constCol[BgWriterStat](types.Int(0))
	return one(func(e *Env) (BgWriterStat, bool) { return e.stats().BgWriter(), true }, map[string]fn{
		"checkpoints_timed":     func(e *Env, w BgWriterStat) types.Datum { return types.Int(w.Timed) },
		"checkpoints_req":       func(e *Env, w BgWriterStat) types.Datum { return types.Int(w.Requested) },
		"checkpoint_write_time": func(e *Env, w BgWriterStat) types.Datum { return floatDatum(w.WriteTime) },
		"checkpoint_sync_time":  func(e *Env, w BgWriterStat) types.Datum { return floatDatum(w.SyncTime) },
		"buffers_checkpoint":    func(e *Env, w BgWriterStat) types.Datum { return types.Int(w.Buffers) },
		"buffers_clean":         zero, "maxwritten_clean": zero, "buffers_backend": zero, "buffers_backend_fsync": zero, "buffers_alloc": zero,
		"stats_reset": func(e *Env, w BgWriterStat) types.Datum { return timeOrNull(w.StatsReset) },
	})
}

func pgStatWal() vtable {
	type fn = func(*Env, WalStat) types.Datum
	return one(func(e *Env) (WalStat, bool) { return e.stats().Wal(), true }, map[string]fn{
		"wal_records": func(e *Env, w WalStat) types.Datum { return types.Int(w.Records) },
		"wal_fpi":     constCol[WalStat](types.Int(0)),
		"wal_bytes": func(e *Env, w WalStat) types.Datum {
			return textDatum(types.OIDNumeric, strconv.FormatInt(w.Bytes, 10))
		},
		"wal_buffers_full": constCol[WalStat](types.Int(0)),
		"wal_write":        func(e *Env, w WalStat) types.Datum { return types.Int(w.Writes) },
		"wal_sync":         func(e *Env, w WalStat) types.Datum { return types.Int(w.Syncs) },
		"wal_write_time":   func(e *Env, w WalStat) types.Datum { return floatDatum(w.WriteTime) },
		"wal_sync_time":    func(e *Env, w WalStat) types.Datum { return floatDatum(w.SyncTime) },
		"stats_reset":      func(e *Env, w WalStat) types.Datum { return timeOrNull(w.StatsReset) },
	})
}

func pgStatArchiver() vtable {
	type none = struct{}
	return one(func(e *Env) (none, bool) { return none{}, true }, map[string]func(*Env, none) types.Datum{
		"archived_count": constCol[none](types.Int(0)), "failed_count": constCol[none](types.Int(0)),
	})
}

func pgStatSLRU() vtable {
	return table[string]{rows: func(*scan, func(string)) {}}
}

// lagInterval is NULL when unknown.
func lagInterval(micros int64) types.Datum {
	if micros < 0 {
		return types.NullDatum
	}
	return textDatum(types.OIDInterval, strconv.FormatFloat(float64(micros)/1e6, 'f', 6, 64)+" seconds")
}

func lsnOrNull(l uint64) types.Datum {
	if l == 0 {
		return types.NullDatum
	}
	return types.Int(int64(l))
}

func pgStatReplication() vtable {
	type fn = func(*Env, *ReplicationStat) types.Datum
	return table[*ReplicationStat]{
		rows: func(s *scan, emit func(*ReplicationStat)) {
			list := s.stats().Replication()
			for i := range list {
				emit(&list[i])
			}
		},
		cols: map[string]fn{
			"pid":              func(e *Env, r *ReplicationStat) types.Datum { return intDatum(r.PID) },
			"usesysid":         func(e *Env, r *ReplicationStat) types.Datum { return oidOrNull(r.User) },
			"usename":          func(e *Env, r *ReplicationStat) types.Datum { return roleOrNull(e, r.User) },
			"application_name": func(e *Env, r *ReplicationStat) types.Datum { return types.Str(r.Application) },
			"client_addr":      func(e *Env, r *ReplicationStat) types.Datum { return textDatum(types.OIDInet, r.ClientAddr) },
			"client_port":      func(e *Env, r *ReplicationStat) types.Datum { return intDatum(r.ClientPort) },
			"backend_start":    func(e *Env, r *ReplicationStat) types.Datum { return timeOrNull(r.BackendStart) },
			"state":            func(e *Env, r *ReplicationStat) types.Datum { return types.Str(r.State) },
			"sent_lsn":         func(e *Env, r *ReplicationStat) types.Datum { return lsnOrNull(r.Sent) },
			"write_lsn":        func(e *Env, r *ReplicationStat) types.Datum { return lsnOrNull(r.Write) },
			"flush_lsn":        func(e *Env, r *ReplicationStat) types.Datum { return lsnOrNull(r.Flush) },
			"replay_lsn":       func(e *Env, r *ReplicationStat) types.Datum { return lsnOrNull(r.Replay) },
			"write_lag":        func(e *Env, r *ReplicationStat) types.Datum { return lagInterval(r.WriteLag) },
			"flush_lag":        func(e *Env, r *ReplicationStat) types.Datum { return lagInterval(r.FlushLag) },
			"replay_lag":       func(e *Env, r *ReplicationStat) types.Datum { return lagInterval(r.ReplayLag) },
			"sync_priority":    func(e *Env, r *ReplicationStat) types.Datum { return intDatum(r.SyncPriority) },
			"sync_state":       func(e *Env, r *ReplicationStat) types.Datum { return types.Str(r.SyncState) },
			"reply_time":       func(e *Env, r *ReplicationStat) types.Datum { return timeOrNull(r.ReplyTime) },
		},
	}
}

func pgStatWalReceiver() vtable {
	type row = *WalReceiverStat
	return one(func(e *Env) (row, bool) { w := e.stats().WalReceiver(); return w, w != nil }, map[string]func(*Env, row) types.Datum{
		"pid":                   func(e *Env, w row) types.Datum { return intDatum(w.PID) },
		"status":                func(e *Env, w row) types.Datum { return types.Str(w.Status) },
		"receive_start_lsn":     func(e *Env, w row) types.Datum { return lsnOrNull(w.ReceiveStart) },
		"receive_start_tli":     func(e *Env, w row) types.Datum { return intDatum(w.Timeline) },
		"written_lsn":           func(e *Env, w row) types.Datum { return lsnOrNull(w.Written) },
		"flushed_lsn":           func(e *Env, w row) types.Datum { return lsnOrNull(w.Flushed) },
		"received_tli":          func(e *Env, w row) types.Datum { return intDatum(w.Timeline) },
		"last_msg_send_time":    func(e *Env, w row) types.Datum { return timeOrNull(w.LastSend) },
		"last_msg_receipt_time": func(e *Env, w row) types.Datum { return timeOrNull(w.LastReceipt) },
		"latest_end_lsn":        func(e *Env, w row) types.Datum { return lsnOrNull(w.LatestEnd) },
		"latest_end_time":       func(e *Env, w row) types.Datum { return timeOrNull(w.LatestEndTime) },
		"sender_host":           func(e *Env, w row) types.Datum { return textOrNull(w.SenderHost) },
		"sender_port":           func(e *Env, w row) types.Datum { return intDatum(w.SenderPort) },
	})
}

// settingRow is a setting in force with its definition.
type settingRow struct {
	def *SettingDef
	val SettingValue
}

func eachSetting(s *scan, emit func(settingRow)) {
	defs := map[string]*SettingDef{}
	for i := range SettingDefs() {
		d := &SettingDefs()[i]
		defs[d.Name] = d
	}
	names, byName := s.names("name")
	for _, v := range s.stats().SettingValues() {
		if byName && !slices.Contains(names, v.Name) {
			continue
		}
		d := v.Def
		if d == nil {
			d = defs[v.Name]
		}
		if d != nil { // custom settings without a definition are not shown, as in PostgreSQL
			emit(settingRow{d, v})
		}
	}
}

func pgSettings() vtable {
	type fn = func(*Env, settingRow) types.Datum
	def := func(f func(d *SettingDef) string) fn {
		return func(e *Env, r settingRow) types.Datum { return textOrNull(f(r.def)) }
	}
	return table[settingRow]{rows: eachSetting, cols: map[string]fn{
		"name":       func(e *Env, r settingRow) types.Datum { return types.Str(r.val.Name) },
		"setting":    func(e *Env, r settingRow) types.Datum { return types.Str(r.val.Value) },
		"unit":       def(func(d *SettingDef) string { return d.Unit }),
		"category":   def(func(d *SettingDef) string { return d.Category }),
		"short_desc": def(func(d *SettingDef) string { return d.ShortDesc }),
		"extra_desc": def(func(d *SettingDef) string { return d.ExtraDesc }),
		"context":    def(func(d *SettingDef) string { return d.Context }),
		"vartype":    def(func(d *SettingDef) string { return d.VarType }),
		"source":     func(e *Env, r settingRow) types.Datum { return types.Str(orString(r.val.Source, "default")) },
		"min_val":    def(func(d *SettingDef) string { return d.Min }),
		"max_val":    def(func(d *SettingDef) string { return d.Max }),
		"enumvals":   func(e *Env, r settingRow) types.Datum { return textArrayOrNull(r.def.EnumVals) },
		"boot_val": func(e *Env, r settingRow) types.Datum {
			if r.def.BootNull {
				return types.NullDatum
			}
			return types.Str(r.def.Boot)
		},
		"reset_val":  func(e *Env, r settingRow) types.Datum { return types.Str(r.val.Reset) },
		"sourcefile": func(e *Env, r settingRow) types.Datum { return textOrNull(r.val.SourceFile) },
		"sourceline": func(e *Env, r settingRow) types.Datum {
			if r.val.SourceLine == 0 {
				return types.NullDatum
			}
			return intDatum(r.val.SourceLine)
		},
		"pending_restart": func(e *Env, r settingRow) types.Datum { return types.Bool(r.val.PendingRestart) },
	}}
}

func orString(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func pgPreparedStatements() vtable {
	type row = *PreparedStatementStat
	return table[row]{
		rows: func(s *scan, emit func(row)) {
			list := s.stats().PreparedStatements()
			for i := range list {
				emit(&list[i])
			}
		},
		cols: map[string]func(*Env, row) types.Datum{
			"name":         func(e *Env, p row) types.Datum { return types.Str(p.Name) },
			"statement":    func(e *Env, p row) types.Datum { return types.Str(p.Statement) },
			"prepare_time": func(e *Env, p row) types.Datum { return types.Int(p.Time) },
			"parameter_types": func(e *Env, p row) types.Datum {
				vals := make([]types.Datum, len(p.Params))
				for i, o := range p.Params {
					vals[i] = oidDatum(o)
				}
				return types.Str(types.MakeArray(nil, types.OIDRegtype, vals...))
			},
			"from_sql":      func(e *Env, p row) types.Datum { return types.Bool(p.FromSQL) },
			"generic_plans": func(e *Env, p row) types.Datum { return types.Int(p.Generic) },
			"custom_plans":  func(e *Env, p row) types.Datum { return types.Int(p.Custom) },
		},
	}
}

func pgCursors() vtable {
	type row = *CursorStat
	return table[row]{
		rows: func(s *scan, emit func(row)) {
			list := s.stats().Cursors()
			for i := range list {
				emit(&list[i])
			}
		},
		cols: map[string]func(*Env, row) types.Datum{
			"name":          func(e *Env, c row) types.Datum { return types.Str(c.Name) },
			"statement":     func(e *Env, c row) types.Datum { return types.Str(c.Statement) },
			"is_holdable":   func(e *Env, c row) types.Datum { return types.Bool(c.Hold) },
			"is_binary":     func(e *Env, c row) types.Datum { return types.Bool(c.Binary) },
			"is_scrollable": func(e *Env, c row) types.Datum { return types.Bool(c.Scrollable) },
			"creation_time": func(e *Env, c row) types.Datum { return types.Int(c.Time) },
		},
	}
}

// zoneRow is a time zone with its offset at the moment of the statement.
type zoneRow struct {
	name, abbrev string
	offset       int
	dst          bool
}

func pgTimezoneNames() vtable {
	type fn = func(*Env, zoneRow) types.Datum
	return table[zoneRow]{
		rows: func(s *scan, emit func(zoneRow)) {
			now := time.Now()
			if s.IO != nil && s.IO.Now != 0 {
				now = types.ToTime(s.IO.Now)
			}
			for _, name := range types.ZoneNames() {
				loc, _, err := types.LoadZone(name)
				if err != nil {
					continue
				}
				t := now.In(loc)
				abbrev, offset := t.Zone()
				emit(zoneRow{name, abbrev, offset, t.IsDST()})
			}
		},
		cols: map[string]fn{
			"name":       func(e *Env, z zoneRow) types.Datum { return types.Str(z.name) },
			"abbrev":     func(e *Env, z zoneRow) types.Datum { return types.Str(z.abbrev) },
			"utc_offset": func(e *Env, z zoneRow) types.Datum { return textDatum(types.OIDInterval, itoa(z.offset)+" seconds") },
			"is_dst":     func(e *Env, z zoneRow) types.Datum { return types.Bool(z.dst) },
		},
	}
}

func pgHBAFileRules() vtable {
	type row = *HBARule
	return table[row]{
		rows: func(s *scan, emit func(row)) {
			list := s.stats().HBARules()
			for i := range list {
				emit(&list[i])
			}
		},
		cols: map[string]func(*Env, row) types.Datum{
			"line_number": func(e *Env, h row) types.Datum { return intDatum(h.Line) },
			"type":        func(e *Env, h row) types.Datum { return textOrNull(h.Type) },
			"database":    func(e *Env, h row) types.Datum { return textArrayOrNull(h.Databases) },
			"user_name":   func(e *Env, h row) types.Datum { return textArrayOrNull(h.Users) },
			"address":     func(e *Env, h row) types.Datum { return textOrNull(h.Address) },
			"netmask":     func(e *Env, h row) types.Datum { return textOrNull(h.Netmask) },
			"auth_method": func(e *Env, h row) types.Datum { return textOrNull(h.Method) },
			"options":     func(e *Env, h row) types.Datum { return textArrayOrNull(h.Options) },
		},
	}
}

func pgConfig() vtable {
	type row = [2]string
	return table[row]{
		rows: func(s *scan, emit func(row)) { emit(row{"VERSION", "PostgreSQL 15.18"}) },
		cols: map[string]func(*Env, row) types.Datum{
			"name":    func(e *Env, r row) types.Datum { return types.Str(r[0]) },
			"setting": func(e *Env, r row) types.Datum { return types.Str(r[1]) },
		},
	}
}

// progress is the pg_stat_progress view of a command; columns that do not apply are 0.
func progress(command string) func() vtable {
	type row = *ProgressStat
	return func() vtable {
		zero := constCol[row](types.Int(0))
		done := func(e *Env, p row) types.Datum { return types.Int(p.Done) }
		total := func(e *Env, p row) types.Datum { return types.Int(p.Total) }
		return table[row]{
			rows: func(s *scan, emit func(row)) {
				list := s.stats().Progress(command)
				for i := range list {
					emit(&list[i])
				}
			},
			cols: map[string]func(*Env, row) types.Datum{
				"pid":               func(e *Env, p row) types.Datum { return intDatum(p.PID) },
				"datid":             func(e *Env, p row) types.Datum { return oidDatum(p.Database) },
				"datname":           func(e *Env, p row) types.Datum { return databaseName(e, p.Database) },
				"relid":             func(e *Env, p row) types.Datum { return oidDatum(p.Relation) },
				"index_relid":       func(e *Env, p row) types.Datum { return oidDatum(p.Index) },
				"command":           func(e *Env, p row) types.Datum { return types.Str(p.Command) },
				"type":              func(e *Env, p row) types.Datum { return types.Str(p.Type) },
				"phase":             func(e *Env, p row) types.Datum { return types.Str(p.Phase) },
				"sample_blks_total": total, "sample_blks_scanned": done, "tuples_total": total, "tuples_done": done, "bytes_processed": done, "bytes_total": total,
				"tuples_processed": func(e *Env, p row) types.Datum { return types.Int(p.TuplesDone) },
				"tuples_excluded":  func(e *Env, p row) types.Datum { return types.Int(p.Skipped) },
				"ext_stats_total":  zero, "ext_stats_computed": zero, "child_tables_total": zero, "child_tables_done": zero, "current_child_table_relid": zero,
				"lockers_total": zero, "lockers_done": zero, "current_locker_pid": zero, "blocks_total": zero, "blocks_done": zero, "partitions_total": zero, "partitions_done": zero,
			},
		}
	}
}

func pgStatStatements() vtable {
	type row = *StatementStat
	n := func(f func(s row) int64) func(*Env, row) types.Datum {
		return func(e *Env, s row) types.Datum { return types.Int(f(s)) }
	}
	f := func(f func(s row) float64) func(*Env, row) types.Datum {
		return func(e *Env, s row) types.Datum { return floatDatum(f(s)) }
	}
	cols := map[string]func(*Env, row) types.Datum{
		"userid":   func(e *Env, s row) types.Datum { return oidDatum(s.User) },
		"dbid":     func(e *Env, s row) types.Datum { return oidDatum(s.Database) },
		"toplevel": func(e *Env, s row) types.Datum { return types.Bool(s.TopLevel) },
		"queryid": func(e *Env, s row) types.Datum {
			if !mayRead(e, s.User) {
				return types.NullDatum
			}
			return types.Int(s.QueryID)
		},
		"query": func(e *Env, s row) types.Datum {
			if !mayRead(e, s.User) {
				return types.Str("<insufficient privilege>")
			}
			return types.Str(s.Query)
		},
		"plans": n(func(s row) int64 { return s.Plans }), "total_plan_time": f(func(s row) float64 { return s.TotalPlan }),
		"min_plan_time": f(func(s row) float64 { return s.MinPlan }), "max_plan_time": f(func(s row) float64 { return s.MaxPlan }),
		"mean_plan_time": f(func(s row) float64 { return s.MeanPlan }), "stddev_plan_time": f(func(s row) float64 { return s.StddevPlan }),
		"calls": n(func(s row) int64 { return s.Calls }), "total_exec_time": f(func(s row) float64 { return s.TotalExec }),
		"min_exec_time": f(func(s row) float64 { return s.MinExec }), "max_exec_time": f(func(s row) float64 { return s.MaxExec }),
		"mean_exec_time": f(func(s row) float64 { return s.MeanExec }), "stddev_exec_time": f(func(s row) float64 { return s.StddevExec }),
		"rows": n(func(s row) int64 { return s.Rows }), "shared_blks_hit": n(func(s row) int64 { return s.SharedHit }),
		"shared_blks_read": n(func(s row) int64 { return s.SharedRead }), "shared_blks_dirtied": n(func(s row) int64 { return s.SharedDirtied }),
		"shared_blks_written": n(func(s row) int64 { return s.SharedWritten }), "temp_blks_read": n(func(s row) int64 { return s.TempRead }),
		"temp_blks_written": n(func(s row) int64 { return s.TempWritten }), "wal_records": n(func(s row) int64 { return s.WalRecords }),
		"wal_bytes": func(e *Env, s row) types.Datum { return textDatum(types.OIDNumeric, strconv.FormatInt(s.WalBytes, 10)) },
	}
	for _, name := range []string{"local_blks_hit", "local_blks_read", "local_blks_dirtied", "local_blks_written", "wal_fpi", "jit_functions",
		"jit_inlining_count", "jit_optimization_count", "jit_emission_count"} {
		cols[name] = constCol[row](types.Int(0))
	}
	for _, name := range []string{"blk_read_time", "blk_write_time", "temp_blk_read_time", "temp_blk_write_time", "jit_generation_time", "jit_inlining_time",
		"jit_optimization_time", "jit_emission_time"} {
		cols[name] = constCol[row](floatDatum(0))
	}
	return table[row]{
		rows: func(s *scan, emit func(row)) {
			list := s.stats().Statements()
			for i := range list {
				emit(&list[i])
			}
		},
		cols: cols,
	}
}

func pgStatStatementsInfo() vtable {
	type row = [2]int64
	return one(func(e *Env) (row, bool) {
		dealloc, reset := e.stats().StatementsInfo()
		return row{dealloc, reset}, true
	}, map[string]func(*Env, row) types.Datum{
		"dealloc":     func(_ *Env, r row) types.Datum { return types.Int(r[0]) },
		"stats_reset": func(_ *Env, r row) types.Datum { return timeOrNull(r[1]) },
	})
}
