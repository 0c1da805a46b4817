package catalog

import (
	"sync"

	"kimberlite/sql/types"
)

// OIDs of what Kimberlite adds to PostgreSQL's catalogs.
const (
	kimberliteExtOID     types.OID = 15002
	statStatementsExtOID types.OID = 15001
	projectionsOID       types.OID = 15040
	logSegmentsOID       types.OID = 15041
	membersOID           types.OID = 15042
	statStatementsOID    types.OID = 15050
	statStatementsInfo   types.OID = 15051

	verifyOID               types.OID = 15100
	statStatementsFnOID     types.OID = 15110
	statStatementsResetOID  types.OID = 15111
	statStatementsInfoFnOID types.OID = 15112
)

// col makes a column of an added relation.
func col(name string, typ types.OID) Column {
	return Column{Name: name, T: types.Of(typ), Collation: collationOf(typ), StatTarget: -1}
}

func collationOf(typ types.OID) types.OID {
	if t := types.Builtin(typ); t != nil {
		return t.Collation
	}
	return 0
}

func extraRelation(oid, schema types.OID, name string, cols ...Column) *Relation {
	return &Relation{Header: Header{OID: oid, Name: name, Owner: SuperuserOID, ACL: []ACLItem{
		{Grantee: SuperuserOID, Grantor: SuperuserOID, Privs: AllTable}, {Grantor: SuperuserOID, Privs: PrivSelect},
	}}, Schema: schema, RelKind: 'v', Persistence: 'p', Columns: cols, ReplIdent: 'n'}
}

const (
	tInt8  = types.OIDInt8
	tText  = types.OIDText
	tBool  = types.OIDBool
	tFloat = types.OIDFloat8
	tStamp = types.OIDTimestamptz
	tOid   = types.OIDOid
)

// extraRelations are the relations that PostgreSQL does not have (or has as extensions).
var extraRelations = sync.OnceValue(func() []*Relation {
	return []*Relation{
		extraRelation(projectionsOID, KimberliteOID, "projections", col("name", tText), col("state", tText), col("applied_position", tInt8), col("durable_position", tInt8),
			col("lag_entries", tInt8), col("lag_seconds", tFloat), col("row_count", tInt8), col("bytes", tInt8), col("digest", tText), col("error", tText)),
		extraRelation(logSegmentsOID, KimberliteOID, "log_segments", col("segment", tText), col("first_position", tInt8), col("last_position", tInt8), col("records", tInt8),
			col("bytes", tInt8), col("sealed", tBool), col("compressed", tBool), col("chain_hash", tText), col("created", tStamp)),
		extraRelation(membersOID, KimberliteOID, "cluster_members", col("node_id", tInt8), col("name", tText), col("address", tText), col("role", tText), col("state", tText),
			col("view", tInt8), col("commit_position", tInt8), col("applied_position", tInt8), col("is_self", tBool), col("clock_offset_us", tInt8), col("last_contact", tStamp)),
		extraRelation(statStatementsOID, PgCatalogOID, "pg_stat_statements", statStatementsColumns()...),
		extraRelation(statStatementsInfo, PgCatalogOID, "pg_stat_statements_info", col("dealloc", tInt8), col("stats_reset", tStamp)),
	}
})

// statStatementsColumns are those of version 1.10.
func statStatementsColumns() (out []Column) {
	for _, c := range []struct {
		typ   types.OID
		names []string
	}{
		{tOid, []string{"userid", "dbid"}},
		{tBool, []string{"toplevel"}},
		{tInt8, []string{"queryid"}},
		{tText, []string{"query"}},
		{tInt8, []string{"plans"}},
		{tFloat, []string{"total_plan_time", "min_plan_time", "max_plan_time", "mean_plan_time", "stddev_plan_time"}},
		{tInt8, []string{"calls"}},
		{tFloat, []string{"total_exec_time", "min_exec_time", "max_exec_time", "mean_exec_time", "stddev_exec_time"}},
		{tInt8, []string{"rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written", "local_blks_hit", "local_blks_read",
			"local_blks_dirtied", "local_blks_written", "temp_blks_read", "temp_blks_written"}},
		{tFloat, []string{"blk_read_time", "blk_write_time", "temp_blk_read_time", "temp_blk_write_time"}},
		{tInt8, []string{"wal_records", "wal_fpi"}},
		{types.OIDNumeric, []string{"wal_bytes"}},
		{tInt8, []string{"jit_functions"}},
		{tFloat, []string{"jit_generation_time"}},
		{tInt8, []string{"jit_inlining_count"}},
		{tFloat, []string{"jit_inlining_time"}},
		{tInt8, []string{"jit_optimization_count"}},
		{tFloat, []string{"jit_optimization_time"}},
		{tInt8, []string{"jit_emission_count"}},
		{tFloat, []string{"jit_emission_time"}},
	} {
		for _, n := range c.names {
			out = append(out, col(n, c.typ))
		}
	}
	return out
}

// extraProcs are the functions that PostgreSQL does not have (or has in extensions). Their rows come from Session.SystemRows under their names.
var extraProcs = sync.OnceValue(func() []*Proc {
	set := func(oid, schema types.OID, name string, ret types.OID, args []types.OID, argNames []string, out []Column) *Proc {
		p := &Proc{OID: oid, Name: name, Namespace: schema, Owner: SuperuserOID, Lang: 12, Cost: 1, Rows: 1000, Kind: 'f', RetSet: true, Volatile: 'v', Parallel: 'r',
			Ret: ret, Args: args, Src: name}
		for i, a := range args {
			p.AllArgs, p.ArgModes, p.ArgNames = append(p.AllArgs, a), append(p.ArgModes, 'i'), append(p.ArgNames, argNames[i])
		}
		for _, c := range out {
			p.AllArgs, p.ArgModes, p.ArgNames = append(p.AllArgs, c.T.OID), append(p.ArgModes, 'o'), append(p.ArgNames, c.Name)
		}
		return p
	}
	info := set(statStatementsInfoFnOID, PgCatalogOID, "pg_stat_statements_info", types.OIDRecord, nil, nil, []Column{col("dealloc", tInt8), col("stats_reset", tStamp)})
	info.RetSet = false
	reset := &Proc{OID: statStatementsResetOID, Name: "pg_stat_statements_reset", Namespace: PgCatalogOID, Owner: SuperuserOID, Lang: 12, Cost: 1, Kind: 'f', Strict: true,
		Volatile: 'v', Parallel: 's', Ret: types.OIDVoid, Args: []types.OID{tOid, tOid, tInt8}, ArgNames: []string{"userid", "dbid", "queryid"}, NDefaults: 3,
		Defaults: "0, 0, 0", Src: "pg_stat_statements_reset", ACL: "{postgres=X/postgres}"}
	return []*Proc{
		set(verifyOID, KimberliteOID, "verify", types.OIDRecord, nil, nil, []Column{col("subject", tText), col("first_position", tInt8), col("last_position", tInt8),
			col("ok", tBool), col("detail", tText)}),
		set(statStatementsFnOID, PgCatalogOID, "pg_stat_statements", types.OIDRecord, []types.OID{tBool}, []string{"showtext"}, statStatementsColumns()),
		reset, info,
	}
})

var kimberliteTables = map[string]func() vtable{
	"kimberlite.projections": kimberliteProjections, "kimberlite.log_segments": kimberliteLogSegments, "kimberlite.cluster_members": kimberliteMembers,
}

// list is a virtual table over a slice that the StatSource gives.
func list[S any](get func(StatSource) []S, cols map[string]func(*Env, *S) types.Datum) vtable {
	return table[*S]{rows: func(s *scan, emit func(*S)) {
		l := get(s.stats())
		for i := range l {
			emit(&l[i])
		}
	}, cols: cols}
}

func kimberliteProjections() vtable {
	type row = *ProjectionStat
	return list(StatSource.Projections, map[string]func(*Env, row) types.Datum{
		"name":             func(e *Env, p row) types.Datum { return types.Str(p.Name) },
		"state":            func(e *Env, p row) types.Datum { return types.Str(p.State) },
		"applied_position": func(e *Env, p row) types.Datum { return types.Int(p.Applied) },
		"durable_position": func(e *Env, p row) types.Datum { return types.Int(p.Durable) },
		"lag_entries":      func(e *Env, p row) types.Datum { return types.Int(p.LagEntries) },
		"lag_seconds":      func(e *Env, p row) types.Datum { return floatDatum(p.LagSeconds) },
		"row_count":        func(e *Env, p row) types.Datum { return types.Int(p.Rows) },
		"bytes":            func(e *Env, p row) types.Datum { return types.Int(p.Bytes) },
		"digest":           func(e *Env, p row) types.Datum { return textOrNull(p.Digest) },
		"error":            func(e *Env, p row) types.Datum { return textOrNull(p.Error) },
	})
}

func kimberliteLogSegments() vtable {
	type row = *LogSegmentStat
	return list(StatSource.LogSegments, map[string]func(*Env, row) types.Datum{
		"segment":        func(e *Env, l row) types.Datum { return types.Str(l.Segment) },
		"first_position": func(e *Env, l row) types.Datum { return types.Int(l.First) },
		"last_position":  func(e *Env, l row) types.Datum { return types.Int(l.Last) },
		"records":        func(e *Env, l row) types.Datum { return types.Int(l.Records) },
		"bytes":          func(e *Env, l row) types.Datum { return types.Int(l.Bytes) },
		"sealed":         func(e *Env, l row) types.Datum { return types.Bool(l.Sealed) },
		"compressed":     func(e *Env, l row) types.Datum { return types.Bool(l.Compressed) },
		"chain_hash":     func(e *Env, l row) types.Datum { return textOrNull(l.ChainHash) },
		"created":        func(e *Env, l row) types.Datum { return timeOrNull(l.Created) },
	})
}

func kimberliteMembers() vtable {
	type row = *MemberStat
	return list(StatSource.Members, map[string]func(*Env, row) types.Datum{
		"node_id":          func(e *Env, m row) types.Datum { return types.Int(m.NodeID) },
		"name":             func(e *Env, m row) types.Datum { return textOrNull(m.Name) },
		"address":          func(e *Env, m row) types.Datum { return textOrNull(m.Address) },
		"role":             func(e *Env, m row) types.Datum { return types.Str(m.Role) },
		"state":            func(e *Env, m row) types.Datum { return types.Str(m.State) },
		"view":             func(e *Env, m row) types.Datum { return types.Int(m.View) },
		"commit_position":  func(e *Env, m row) types.Datum { return types.Int(m.Commit) },
		"applied_position": func(e *Env, m row) types.Datum { return types.Int(m.Applied) },
		"is_self":          func(e *Env, m row) types.Datum { return types.Bool(m.Self) },
		"clock_offset_us":  func(e *Env, m row) types.Datum { return types.Int(m.ClockOffsetMicro) },
		"last_contact":     func(e *Env, m row) types.Datum { return timeOrNull(m.LastContact) },
	})
}
