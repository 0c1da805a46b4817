package functions

import (
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// Functions that PostgreSQL's views of the server are made of. Here the views are computed, and these functions read them: the set-returning ones give the
// view's columns by the names of their OUT parameters, the counters one column of one row.

// viewFunctions are the functions with rows, by internal name, and their views. An argument, where there is one, picks the rows by the column named.
var viewFunctions = map[string]struct{ view, key string }{
	"pg_cursor": {"pg_cursors", ""}, "pg_prepared_statement": {"pg_prepared_statements", ""}, "pg_timezone_names": {"pg_timezone_names", ""},
	"pg_timezone_abbrevs": {"pg_timezone_abbrevs", ""}, "pg_available_extensions": {"pg_available_extensions", ""},
	"pg_available_extension_versions": {"pg_available_extension_versions", ""}, "show_all_settings": {"pg_settings", ""}, "pg_lock_status": {"pg_locks", ""},
	"pg_stat_get_activity": {"pg_stat_activity", "pid"}, "pg_stat_get_wal_senders": {"pg_stat_replication", ""}, "pg_stat_get_wal_receiver": {"pg_stat_wal_receiver", ""},
	"pg_stat_get_archiver": {"pg_stat_archiver", ""}, "pg_stat_get_wal": {"pg_stat_wal", ""}, "pg_stat_get_slru": {"pg_stat_slru", ""},
	"pg_stat_get_recovery_prefetch": {"pg_stat_recovery_prefetch", ""}, "show_all_file_settings": {"pg_file_settings", ""}, "pg_hba_file_rules": {"pg_hba_file_rules", ""},
	"pg_ident_file_mappings": {"pg_ident_file_mappings", ""}, "pg_get_shmem_allocations": {"pg_shmem_allocations", ""},
	"pg_get_backend_memory_contexts": {"pg_backend_memory_contexts", ""},
}

// tableCounters are columns of pg_stat_all_tables by the end of the name of the function that tells them, pg_stat_get_*.
var tableCounters = map[string]string{
	"numscans": "seq_scan", "tuples_returned": "seq_tup_read", "tuples_fetched": "idx_tup_fetch", "tuples_inserted": "n_tup_ins", "tuples_updated": "n_tup_upd",
	"tuples_deleted": "n_tup_del", "tuples_hot_updated": "n_tup_hot_upd", "live_tuples": "n_live_tup", "dead_tuples": "n_dead_tup",
	"mod_since_analyze": "n_mod_since_analyze", "ins_since_vacuum": "n_ins_since_vacuum", "last_vacuum_time": "last_vacuum",
	"last_autovacuum_time": "last_autovacuum", "last_analyze_time": "last_analyze", "last_autoanalyze_time": "last_autoanalyze", "vacuum_count": "vacuum_count",
	"autovacuum_count": "autovacuum_count", "analyze_count": "analyze_count", "autoanalyze_count": "autoanalyze_count",
}

// indexCounters are those of indexes, in pg_stat_all_indexes.
var indexCounters = map[string]string{"numscans": "idx_scan", "tuples_returned": "idx_tup_read", "tuples_fetched": "idx_tup_fetch"}

// databaseCounters are columns of pg_stat_database, for pg_stat_get_db_*.
var databaseCounters = map[string]string{
	"numbackends": "numbackends", "xact_commit": "xact_commit", "xact_rollback": "xact_rollback", "blocks_fetched": "blks_read", "blocks_hit": "blks_hit",
	"tuples_returned": "tup_returned", "tuples_fetched": "tup_fetched", "tuples_inserted": "tup_inserted", "tuples_updated": "tup_updated",
	"tuples_deleted": "tup_deleted", "conflict_all": "conflicts", "temp_files": "temp_files", "temp_bytes": "temp_bytes", "deadlocks": "deadlocks",
	"checksum_failures": "checksum_failures", "checksum_last_failure": "checksum_last_failure", "blk_read_time": "blk_read_time", "blk_write_time": "blk_write_time",
	"session_time": "session_time", "active_time": "active_time", "idle_in_transaction_time": "idle_in_transaction_time", "sessions": "sessions",
	"sessions_abandoned": "sessions_abandoned", "sessions_fatal": "sessions_fatal", "sessions_killed": "sessions_killed", "stat_reset_time": "stats_reset",
}

// checkpointCounters are columns of pg_stat_bgwriter, for functions without an argument.
var checkpointCounters = map[string]string{
	"bgwriter_timed_checkpoints": "checkpoints_timed", "bgwriter_requested_checkpoints": "checkpoints_req", "checkpoint_write_time": "checkpoint_write_time",
	"checkpoint_sync_time": "checkpoint_sync_time", "bgwriter_buf_written_checkpoints": "buffers_checkpoint", "bgwriter_buf_written_clean": "buffers_clean",
	"bgwriter_maxwritten_clean": "maxwritten_clean", "buf_written_backend": "buffers_backend", "buf_fsync_backend": "buffers_backend_fsync",
	"buf_alloc": "buffers_alloc", "bgwriter_stat_reset_time": "stats_reset",
}

func init() {
	for src, f := range viewFunctions {
		set(src, func(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
			key := types.NullDatum
			if f.key != "" {
				key = a[0]
			}
			rows, err := viewRows(c, f.view, outNames(c.Func), f.key, key)
			return Rows(rows), err
		})
	}
	for _, src := range []string{"pg_stat_get_archiver", "pg_stat_get_wal", "pg_stat_get_wal_receiver"} {
		view := viewFunctions[src].view
		oneRow(src, func(c *Call, _ []types.Datum) ([]types.Datum, error) {
			rows, err := viewRows(c, view, outNames(c.Func), "", types.NullDatum)
			if err != nil || len(rows) == 0 {
				return nil, err
			}
			return rows[0], nil
		})
	}
	for name, column := range tableCounters {
		scalar("pg_stat_get_"+name, func(c *Call, a []types.Datum) (types.Datum, error) {
			if rel := c.Env.Catalog.Relation(types.OID(a[0].I)); rel != nil && rel.Index != nil {
				if of, ok := indexCounters[name]; ok {
					return viewValue(c, "pg_stat_all_indexes", of, "indexrelid", a[0])
				}
			}
			return viewValue(c, "pg_stat_all_tables", column, "relid", a[0])
		})
	}
	for name, column := range databaseCounters {
		scalar("pg_stat_get_db_"+name, func(c *Call, a []types.Datum) (types.Datum, error) {
			return viewValue(c, "pg_stat_database", column, "datid", a[0])
		})
	}
	for name, column := range checkpointCounters {
		scalar("pg_stat_get_"+name, func(c *Call, _ []types.Datum) (types.Datum, error) {
			return viewValue(c, "pg_stat_bgwriter", column, "", types.NullDatum)
		})
	}
	for _, src := range []string{"pg_stat_get_progress_info", "pg_stat_get_subscription"} { // there are none
		set(src, func(*Call, []types.T, []types.Datum) (RowSource, error) { return noRows(), nil })
	}
}

// outNames lists the names of a function's OUT parameters.
func outNames(fn types.OID) (out []string) {
	p := catalog.BuiltinProc(fn)
	for i, m := range p.ArgModes {
		if m == 'o' || m == 't' {
			out = append(out, p.ArgNames[i])
		}
	}
	return out
}

// oneRow registers a function with OUT parameters that gives one row: as a table, and as a record where a value is wanted. nil is a row of NULLs.
func oneRow(src string, fn func(c *Call, a []types.Datum) ([]types.Datum, error)) {
	set(src, func(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		row, err := fn(c, a)
		return Rows([][]types.Datum{row}), err
	})
	scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
		row, err := fn(c, a)
		if err != nil {
			return types.Datum{}, err
		}
		p := catalog.BuiltinProc(c.Func)
		var fields []types.OID
		for i, m := range p.ArgModes {
			if m == 'o' {
				fields = append(fields, p.AllArgs[i])
			}
		}
		for len(row) < len(fields) {
			row = append(row, types.NullDatum)
		}
		return types.Str(types.MakeRecord(c.Env.IO, types.OIDRecord, fields, outNames(c.Func), row)), nil
	})
}

// viewRows reads columns of a view of pg_catalog, by name; a column that the view doesn't have is NULL. Of a key that is not NULL only its rows are given.
func viewRows(c *Call, view string, columns []string, key string, value types.Datum) ([][]types.Datum, error) {
	rel := c.Env.Catalog.RelationByName(catalog.PgCatalogOID, view)
	if rel == nil || c.Env.Session == nil {
		return nil, Unsupported(c.Name)
	}
	att := func(name string) int {
		for i := range rel.Columns {
			if rel.Columns[i].Name == name {
				return i + 1
			}
		}
		return 0
	}
	var atts, at []int // at: the place of each column among those read, -1 for none
	for _, name := range columns {
		n := att(name)
		if n == 0 {
			at = append(at, -1)
			continue
		}
		at = append(at, len(atts))
		atts = append(atts, n)
	}
	by := -1
	if key != "" && !value.Null {
		by = len(atts)
		atts = append(atts, att(key))
	}
	batch := &types.Batch{}
	for _, n := range atts {
		batch.Cols = append(batch.Cols, types.NewVec(rel.Columns[n-1].T, types.ClassOf(c.Env.IO, rel.Columns[n-1].T.OID)))
	}
	src, err := c.Env.Session.CatalogRows(rel.OID, atts)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var rows [][]types.Datum
	for {
		batch.Reset()
		if err := src.Next(batch); err != nil || batch.N == 0 {
			return rows, err
		}
		for i := range batch.N {
			if by >= 0 && batch.Cols[by].Datum(i).I != value.I {
				continue
			}
			row := make([]types.Datum, len(columns))
			for j, k := range at {
				row[j] = types.NullDatum
				if k >= 0 {
					row[j] = batch.Cols[k].Datum(i)
					row[j].S = strings.Clone(row[j].S)
				}
			}
			rows = append(rows, row)
		}
	}
}

// viewValue is a column of the row of a view that the key picks. Counters of what there isn't are 0, times are NULL.
func viewValue(c *Call, view, column, key string, value types.Datum) (types.Datum, error) {
	rows, err := viewRows(c, view, []string{column}, key, value)
	if err == nil && len(rows) > 0 {
		return rows[0][0], nil
	}
	return types.Datum{Null: c.Ret.OID == types.OIDTimestamptz}, err
}
