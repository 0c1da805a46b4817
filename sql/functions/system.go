package functions

import (
	"strconv"
	"strings"
	"time"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// System information and administration functions (9.26, 9.27). They ask the session; without one (index expressions) they are refused.

// sessionScalar registers a function that needs the session.
func sessionScalar(src string, fn func(s Session, c *Call, a []types.Datum) (types.Datum, error)) {
	scalar(src, withSession(fn))
}

func withSession(fn func(s Session, c *Call, a []types.Datum) (types.Datum, error)) Scalar {
	return func(c *Call, a []types.Datum) (types.Datum, error) {
		if c.Env.Session == nil {
			return types.Datum{}, pgerr.Unsupported("function "+c.Name+" outside of a session", "Use it in a query, not in an index or a generated column.")
		}
		return fn(c.Env.Session, c, a)
	}
}

func textOf(s string, err error) (types.Datum, error) { return types.Str(s), err }

func init() {
	registerIdentity()
	registerSettings()
	registerClock()
	registerSequences()
	registerTransactions()
	registerAdvisoryLocks()
	registerBackends()
	registerStatistics()
	registerSizes()
	registerNames()
	registerDeparse()
	registerEncodings()
}

func registerIdentity() {
	sessionScalar("current_database", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return types.Str(s.DatabaseName()), nil
	})
	sessionScalar("current_user", func(s Session, c *Call, _ []types.Datum) (types.Datum, error) {
		return types.Str(catalog.RoleName(c.Env.Catalog, s.CurrentUser())), nil
	})
	sessionScalar("session_user", func(s Session, c *Call, _ []types.Datum) (types.Datum, error) {
		return types.Str(catalog.RoleName(c.Env.Catalog, s.SessionUser())), nil
	})
	sessionScalar("current_schema", func(s Session, c *Call, _ []types.Datum) (types.Datum, error) {
		for _, oid := range s.SearchPath(false) {
			if sc := c.Env.Catalog.Schema(oid); sc != nil {
				return types.Str(sc.Name), nil
			}
		}
		return types.NullDatum, nil
	})
	sessionScalar("current_schemas", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		b := types.NewArrayBuilder(c.Env.IO, types.OIDName)
		for _, oid := range s.SearchPath(a[0].IsTrue()) {
			if sc := c.Env.Catalog.Schema(oid); sc != nil {
				b.Append(types.Str(sc.Name))
			}
		}
		return types.Str(b.Finish()), nil
	})
	sessionScalar("pg_backend_pid", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) { return types.Int(int64(s.PID())), nil })
	sessionScalar("pgsql_version", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		v, _, err := s.Setting("server_version")
		return types.Str("PostgreSQL " + v + " on x86_64-pc-linux-gnu, compiled by Go, 64-bit"), err
	})
	addr := func(f func(s Session) (string, int, bool), port bool) func(Session, *Call, []types.Datum) (types.Datum, error) {
		return func(s Session, c *Call, _ []types.Datum) (types.Datum, error) {
			host, p, ok := f(s)
			if !ok {
				return types.NullDatum, nil
			}
			if port {
				return types.Int(int64(p)), nil
			}
			return types.In(c.Env.IO, types.Of(types.OIDInet), host)
		}
	}
	sessionScalar("inet_client_addr", addr(Session.ClientAddr, false))
	sessionScalar("inet_client_port", addr(Session.ClientAddr, true))
	sessionScalar("inet_server_addr", addr(Session.ServerAddr, false))
	sessionScalar("inet_server_port", addr(Session.ServerAddr, true))
	sessionScalar("pg_is_in_recovery", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) { return types.Bool(s.InRecovery()), nil })
	sessionScalar("pg_my_temp_schema", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return types.Int(int64(s.TempSchema())), nil
	})
	sessionScalar("pg_is_other_temp_schema", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		sc := c.Env.Catalog.Schema(types.OID(a[0].I))
		return types.Bool(sc != nil && strings.HasPrefix(sc.Name, "pg_temp_") && sc.OID != s.TempSchema()), nil
	})
	scalar("row_security_active", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Bool(false), nil })
	scalar("row_security_active_name", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Bool(false), nil })
}

func registerSettings() {
	sessionScalar("show_config_by_name", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		v, ok, err := s.Setting(a[0].S)
		if err == nil && !ok {
			err = pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", a[0].S)
		}
		return types.Str(v), err
	})
	sessionScalar("show_config_by_name_missing_ok", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		v, ok, err := s.Setting(a[0].S)
		if err == nil && !ok {
			if a[1].IsTrue() {
				return types.NullDatum, nil
			}
			err = pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", a[0].S)
		}
		return types.Str(v), err
	})
	sessionScalar("set_config_by_name", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].Null {
			return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "SET requires parameter name")
		}
		return textOf(s.SetSetting(a[0].S, a[1].S, a[2].IsTrue()))
	})
	sessionScalar("pg_reload_conf", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		ok, err := s.ReloadConfig()
		return types.Bool(ok), err
	})
}

func registerClock() {
	sessionScalar("now", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) { return types.Int(s.TxTime()), nil })
	sessionScalar("statement_timestamp", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return types.Int(s.StatementTime()), nil
	})
	scalar("clock_timestamp", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Int(types.FromTime(time.Now())), nil })
	scalar("timeofday", func(c *Call, _ []types.Datum) (types.Datum, error) {
		return types.Str(time.Now().In(c.Env.IO.TimeZone).Format("Mon Jan 02 15:04:05.000000 2006 MST")), nil
	})
	sessionScalar("pg_postmaster_start_time", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return types.Int(s.ServerStartTime()), nil
	})
	sessionScalar("pg_conf_load_time", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return types.Int(s.ConfLoadTime()), nil
	})
	sleep := func(f func(c *Call, a []types.Datum) (time.Duration, error)) func(Session, *Call, []types.Datum) (types.Datum, error) {
		return func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
			d, err := f(c, a)
			if err != nil || d <= 0 {
				return types.Datum{}, err
			}
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
				return types.Datum{}, nil
			case <-s.Context().Done():
				return types.Datum{}, s.Context().Err()
			}
		}
	}
	sessionScalar("pg_sleep", sleep(func(_ *Call, a []types.Datum) (time.Duration, error) {
		return time.Duration(a[0].Float() * float64(time.Second)), nil
	}))
	scalarOID(3935, withSession(sleep(func(_ *Call, a []types.Datum) (time.Duration, error) { // pg_sleep_for(interval), defined in SQL
		iv := types.UnpackInterval(a[0].S)
		days := int64(iv.Days) + int64(iv.Months)*30
		return time.Duration(iv.Micros+days*86400e6) * time.Microsecond, nil
	})))
	scalarOID(3936, withSession(sleep(func(_ *Call, a []types.Datum) (time.Duration, error) { // pg_sleep_until(timestamptz)
		return time.Until(types.ToTime(a[0].I)), nil
	})))
}

func registerSequences() {
	seqErr := func(v int64, err error) (types.Datum, error) { return types.Int(v), err }
	sessionScalar("nextval_oid", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return seqErr(s.NextVal(types.OID(a[0].I)))
	})
	sessionScalar("currval_oid", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return seqErr(s.CurrVal(types.OID(a[0].I)))
	})
	sessionScalar("lastval", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) { return seqErr(s.LastVal()) })
	sessionScalar("setval_oid", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return a[1], s.SetVal(types.OID(a[0].I), a[1].I, true)
	})
	sessionScalar("setval3_oid", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return a[1], s.SetVal(types.OID(a[0].I), a[1].I, a[2].IsTrue())
	})
	sessionScalar("pg_sequence_last_value", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		v, called, err := s.SequenceState(types.OID(a[0].I))
		if err != nil || !called {
			return types.NullDatum, err
		}
		return types.Int(v), nil
	})
}

func registerTransactions() {
	xid := func(assign bool, mask uint64) func(Session, *Call, []types.Datum) (types.Datum, error) {
		return func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
			v, ok := s.CurrentXID(assign)
			if !ok {
				return types.NullDatum, nil
			}
			return types.Int(int64(v & mask)), nil
		}
	}
	const all = ^uint64(0)
	sessionScalar("pg_current_xact_id", xid(true, all))
	sessionScalar("pg_current_xact_id_if_assigned", xid(false, all))
	lsn := func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return types.Int(int64(s.SnapshotPosition())), nil
	}
	for _, src := range []string{"pg_current_wal_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_flush_lsn", "pg_last_wal_replay_lsn", "pg_last_wal_receive_lsn"} {
		sessionScalar(src, lsn)
	}
	sessionScalar("pg_xact_status", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		st, err := s.XactStatus(uint64(a[0].I))
		return types.Datum{S: st, Null: st == ""}, err
	})
	scalar("xid_age", func(c *Call, a []types.Datum) (types.Datum, error) {
		if c.Env.Session == nil {
			return types.Int(0), nil
		}
		return types.Int(int64(int32(uint32(c.Env.Session.SnapshotPosition()) - uint32(a[0].I)))), nil
	})
	scalar("mxid_age", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Int(2147483647), nil })
	sessionScalar("pg_notify", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return types.Datum{}, s.Notify(a[0].S, a[1].S)
	})
	sessionScalarSet("pg_listening_channels", func(s Session, _ *Call, _ []types.Datum) (RowSource, error) {
		var rows [][]types.Datum
		for _, ch := range s.ListeningChannels() {
			rows = append(rows, []types.Datum{types.Str(ch)})
		}
		return Rows(rows), nil
	})
}

// sessionScalarSet registers a set-returning function that needs the session.
func sessionScalarSet(src string, fn func(s Session, c *Call, a []types.Datum) (RowSource, error)) {
	set(src, func(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		if c.Env.Session == nil {
			return nil, Unsupported(c.Name)
		}
		return fn(c.Env.Session, c, a)
	})
}

func registerAdvisoryLocks() {
	keys := func(a []types.Datum) (k1, k2 int64, class int) {
		if len(a) == 2 {
			return a[0].I, a[1].I, 1
		}
		return a[0].I, 0, 0
	}
	for _, size := range []string{"int8", "int4"} {
		for _, shared := range []bool{false, true} {
			sh := ""
			if shared {
				sh = "shared_"
			}
			shared := shared
			for _, xact := range []bool{false, true} {
				x := ""
				if xact {
					x = "xact_"
				}
				xact := xact
				sessionScalar("pg_advisory_"+x+"lock_"+sh+size, func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
					k1, k2, class := keys(a)
					_, err := s.AdvisoryLock(k1, k2, class, shared, xact, false)
					return types.Datum{}, err
				})
				sessionScalar("pg_try_advisory_"+x+"lock_"+sh+size, func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
					k1, k2, class := keys(a)
					ok, err := s.AdvisoryLock(k1, k2, class, shared, xact, true)
					return types.Bool(ok), err
				})
			}
			sessionScalar("pg_advisory_unlock_"+sh+size, func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
				k1, k2, class := keys(a)
				ok, err := s.AdvisoryUnlock(k1, k2, class, shared)
				return types.Bool(ok), err
			})
		}
	}
	sessionScalar("pg_advisory_unlock_all", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		s.AdvisoryUnlockAll()
		return types.Datum{}, nil
	})
}

func registerBackends() {
	for src, signal := range map[string]string{"pg_cancel_backend": "cancel", "pg_terminate_backend": "terminate"} {
		signal := signal
		sessionScalar(src, func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
			ok, err := s.SignalBackend(int32(a[0].I), signal)
			return types.Bool(ok), err
		})
	}
}

func registerStatistics() {
	nothing := types.Datum{}
	sessionScalar("pg_stat_statements_reset", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return nothing, s.ResetStatistics("statements", types.OID(a[0].I), types.OID(a[1].I), a[2].I)
	})
	sessionScalar("pg_stat_reset", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		return nothing, s.ResetStatistics("database", 0, 0, 0)
	})
	sessionScalar("pg_stat_reset_single_table_counters", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		return nothing, s.ResetStatistics("relation", 0, types.OID(a[0].I), 0)
	})
}

func registerSizes() {
	relation := func(parts func(s Session, oid types.OID) (int64, error)) func(Session, *Call, []types.Datum) (types.Datum, error) {
		return func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
			if c.Env.Catalog.Relation(types.OID(a[0].I)) == nil {
				return types.NullDatum, nil
			}
			n, err := parts(s, types.OID(a[0].I))
			return types.Int(n), err
		}
	}
	own := relation(func(s Session, oid types.OID) (int64, error) { return s.RelationSize(oid) })
	sessionScalar("pg_relation_size", own)
	scalarOID(2325, withSession(own)) // pg_relation_size(regclass), defined in SQL
	sessionScalar("pg_table_size", own)
	indexes := func(s Session, c *Call, oid types.OID) (total int64, err error) {
		rel := c.Env.Catalog.Relation(oid)
		for _, ix := range rel.Indexes {
			n, err := s.RelationSize(ix)
			if err != nil {
				return 0, err
			}
			total += n
		}
		return total, nil
	}
	sessionScalar("pg_indexes_size", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		if c.Env.Catalog.Relation(types.OID(a[0].I)) == nil {
			return types.NullDatum, nil
		}
		n, err := indexes(s, c, types.OID(a[0].I))
		return types.Int(n), err
	})
	sessionScalar("pg_total_relation_size", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		oid := types.OID(a[0].I)
		if c.Env.Catalog.Relation(oid) == nil {
			return types.NullDatum, nil
		}
		n, err := s.RelationSize(oid)
		if err != nil {
			return types.Datum{}, err
		}
		ix, err := indexes(s, c, oid)
		return types.Int(n + ix), err
	})
	sessionScalar("pg_database_size_oid", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		n, err := s.DatabaseSize(types.OID(a[0].I))
		return types.Int(n), err
	})
	sessionScalar("pg_database_size_name", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		db := c.Env.Catalog.DatabaseByName(a[0].S)
		if db == nil {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidCatalogName, "database %q does not exist", a[0].S)
		}
		n, err := s.DatabaseSize(db.OID)
		return types.Int(n), err
	})
	scalar("pg_relation_filenode", func(c *Call, a []types.Datum) (types.Datum, error) {
		if rel := c.Env.Catalog.Relation(types.OID(a[0].I)); rel != nil {
			return types.Int(int64(rel.Storage)), nil
		}
		return types.NullDatum, nil
	})
	scalar("pg_tablespace_location", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Str(""), nil })
	scalar("pg_column_size", func(c *Call, a []types.Datum) (types.Datum, error) {
		if info := types.Lookup(c.Env.IO, c.Args[0].OID); info != nil && info.Len > 0 {
			return types.Int(int64(info.Len)), nil
		}
		return types.Int(int64(len(a[0].S)) + 1), nil
	})
}

func registerNames() {
	scalar("format_type", func(c *Call, a []types.Datum) (types.Datum, error) {
		if a[0].Null {
			return types.NullDatum, nil
		}
		if types.Lookup(c.Env.IO, types.OID(a[0].I)) == nil {
			return types.Str("???"), nil
		}
		if a[1].Null {
			return types.Str(types.FormatTypeName(c.Env.IO, types.OID(a[0].I))), nil
		}
		return types.Str(types.FormatType(c.Env.IO, types.OID(a[0].I), int32(a[1].I))), nil
	})
	scalar("pg_typeof", func(c *Call, _ []types.Datum) (types.Datum, error) { return types.Int(int64(c.Args[0].OID)), nil })
	for src, typ := range map[string]types.OID{
		"to_regclass": types.OIDRegclass, "to_regtype": types.OIDRegtype, "to_regproc": types.OIDRegproc, "to_regprocedure": types.OIDRegprocedure,
		"to_regoper": types.OIDRegoper, "to_regoperator": types.OIDRegoperator, "to_regnamespace": types.OIDRegnamespace, "to_regrole": types.OIDRegrole,
		"to_regcollation": types.OIDRegcollation,
	} {
		typ := typ
		scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
			d, err := types.In(c.Env.IO, types.Of(typ), a[0].S)
			if err != nil {
				return types.NullDatum, nil
			}
			return d, nil
		})
	}
	scalar("pg_get_userbyid", func(c *Call, a []types.Datum) (types.Datum, error) {
		if role := c.Env.Catalog.Role(types.OID(a[0].I)); role != nil {
			return types.Str(role.Name), nil
		}
		return types.Str("unknown (OID=" + strconv.FormatInt(a[0].I, 10) + ")"), nil
	})
	comment := func(class, object types.OID, sub int, c *Call) (types.Datum, error) {
		text := c.Env.Catalog.Comment(class, object, sub)
		return types.Datum{S: text, Null: text == ""}, nil
	}
	classOf := func(c *Call, name string) types.OID {
		if rel := c.Env.Catalog.RelationByName(11, name); rel != nil {
			return rel.OID
		}
		return 0
	}
	scalarOID(1215, func(c *Call, a []types.Datum) (types.Datum, error) {
		return comment(classOf(c, a[1].S), types.OID(a[0].I), 0, c)
	}) // obj_description(oid, name)
	scalarOID(1348, func(c *Call, a []types.Datum) (types.Datum, error) { return comment(0, types.OID(a[0].I), 0, c) })
	scalarOID(1216, func(c *Call, a []types.Datum) (types.Datum, error) {
		return comment(1259, types.OID(a[0].I), int(a[1].I), c)
	}) // col_description
	scalarOID(1993, func(c *Call, a []types.Datum) (types.Datum, error) {
		return comment(classOf(c, a[1].S), types.OID(a[0].I), 0, c)
	}) // shobj_description
}

// registerDeparse: the pg_get_* functions go to the session, which knows the search path.
func registerDeparse() {
	plain := func(src, kind string, pretty func(a []types.Datum) bool, sub func(a []types.Datum) int) {
		sessionScalar(src, func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
			text, ok, err := s.Deparse(kind, types.OID(a[0].I), sub(a), "", pretty(a))
			return types.Datum{S: text, Null: !ok}, err
		})
	}
	no := func([]types.Datum) bool { return false }
	last := func(a []types.Datum) bool { return a[len(a)-1].IsTrue() }
	zero := func([]types.Datum) int { return 0 }
	second := func(a []types.Datum) int { return int(a[1].I) }
	for _, k := range []string{"viewdef", "constraintdef", "ruledef", "triggerdef"} {
		plain("pg_get_"+k, k, no, zero)
		plain("pg_get_"+k+"_ext", k, last, zero)
	}
	plain("pg_get_indexdef", "indexdef", no, zero)
	plain("pg_get_indexdef_ext", "indexdef", last, second)
	for _, k := range []string{"function_arguments", "function_identity_arguments", "function_result", "functiondef", "function_sqlbody", "partkeydef",
		"partition_constraintdef", "statisticsobjdef", "statisticsobjdef_columns", "statisticsobjdef_expressions"} {
		plain("pg_get_"+k, k, no, zero)
	}
	plain("pg_get_function_arg_default", "function_arg_default", no, second)
	plain("pg_get_viewdef_wrap", "viewdef", func([]types.Datum) bool { return true }, zero)
	sessionScalar("pg_get_viewdef_name", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		oid, err := types.In(c.Env.IO, types.Of(types.OIDRegclass), a[0].S)
		if err != nil {
			return types.Datum{}, err
		}
		text, ok, err := s.Deparse("viewdef", types.OID(oid.I), 0, "", false)
		return types.Datum{S: text, Null: !ok}, err
	})
	expr := func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		text, ok, err := s.Deparse("expr", types.OID(a[1].I), 0, a[0].S, len(a) > 2 && a[2].IsTrue())
		return types.Datum{S: text, Null: !ok}, err
	}
	sessionScalar("pg_get_expr", expr)
	sessionScalar("pg_get_expr_ext", expr)
	sessionScalar("pg_get_serial_sequence", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		text, ok, err := s.Deparse("serial_sequence", 0, 0, a[0].S+"\x00"+a[1].S, false)
		return types.Datum{S: text, Null: !ok}, err
	})
	for _, k := range []string{"table", "type", "function", "operator", "opclass", "opfamily", "collation", "conversion", "statistics_obj", "ts_config", "ts_dict", "ts_parser", "ts_template"} {
		kind := k
		sessionScalar("pg_"+k+"_is_visible", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
			text, ok, err := s.Deparse("visible:"+kind, types.OID(a[0].I), 0, "", false)
			return types.Datum{I: boolInt(text == "t"), Null: !ok}, err
		})
	}
	sessionScalar("pg_describe_object", func(s Session, _ *Call, a []types.Datum) (types.Datum, error) {
		text, ok, err := s.Deparse("describe", types.OID(a[1].I), int(a[2].I), strconv.FormatInt(a[0].I, 10), false)
		return types.Datum{S: text, Null: !ok}, err
	})
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func registerEncodings() {
	scalar("PG_encoding_to_char", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if int(a[0].I) >= 0 && int(a[0].I) < len(encodings) {
			return types.Str(encodings[a[0].I]), nil
		}
		return types.Str(""), nil
	})
	scalar("PG_char_to_encoding", func(_ *Call, a []types.Datum) (types.Datum, error) {
		want := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(a[0].S))
		for i, e := range encodings {
			if strings.ToUpper(strings.ReplaceAll(e, "_", "")) == want || want == "UNICODE" && e == "UTF8" {
				return types.Int(int64(i)), nil
			}
		}
		return types.Int(-1), nil
	})
	scalar("getdatabaseencoding", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Str("UTF8"), nil })
	scalar("pg_client_encoding", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Str("UTF8"), nil })
	scalar("pg_encoding_max_length_sql", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].I == 6 {
			return types.Int(4), nil
		}
		return types.Int(1), nil
	})
}

// encodings by number, PostgreSQL 24.3.
var encodings = []string{"SQL_ASCII", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL", "LATIN1", "LATIN2", "LATIN3", "LATIN4",
	"LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9", "LATIN10", "WIN1256", "WIN1258", "WIN866", "WIN874", "KOI8R", "WIN1251", "WIN1252", "ISO_8859_5",
	"ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "WIN1250", "WIN1253", "WIN1254", "WIN1255", "WIN1257", "KOI8U", "SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB",
	"SHIFT_JIS_2004"}
