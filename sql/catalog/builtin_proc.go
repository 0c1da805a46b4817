package catalog

import (
	"sync"
	"sync/atomic"

	"kimberlite/sql/types"
)

// builtinProcs caches the rows of pg_proc that were asked for.
var builtinProcs struct {
	once   sync.Once
	table  *dataTable
	byOID  intIndex
	byName textIndex
	cache  []atomic.Pointer[Proc]
}

func initProcs() {
	p := &builtinProcs
	p.once.Do(func() {
		p.table = data("pg_proc")
		p.cache = make([]atomic.Pointer[Proc], p.table.len())
	})
}

// BuiltinProc returns the row of pg_proc with the OID, nil if there is none.
func BuiltinProc(oid types.OID) *Proc {
	initProcs()
	i := builtinProcs.byOID.one(builtinProcs.table, 0, oid)
	if i < 0 {
		for _, p := range extraProcs() {
			if p.OID == oid {
				return p
			}
		}
		return nil
	}
	return procAt(i)
}

// BuiltinProcs returns the functions of all schemas with the name.
func BuiltinProcs(name string) []*Proc {
	initProcs()
	var out []*Proc
	for _, r := range builtinProcs.byName.find(builtinProcs.table, 1, name) {
		out = append(out, procAt(int(r)))
	}
	for _, p := range extraProcs() {
		if p.Name == name {
			out = append(out, p)
		}
	}
	return out
}

// procName returns the name of a function, empty when there is none; no row is built.
func procName(oid types.OID) string {
	initProcs()
	if i := builtinProcs.byOID.one(builtinProcs.table, 0, oid); i >= 0 {
		return builtinProcs.table.field(i, 1)
	}
	return ""
}

func procAt(i int) *Proc {
	c := &builtinProcs.cache[i]
	if p := c.Load(); p != nil {
		return p
	}
	r := builtinProcs.table.row(i)
	p := &Proc{
		OID: r.oid(), Name: r.text(), Namespace: r.oid(), Owner: r.oid(), Lang: r.oid(), Cost: r.float(), Rows: r.float(),
		Variadic: r.oid(),
	}
	p.Support = r.oid()
	p.Kind = r.char()
	p.SecDef, p.LeakProof = r.bool(), r.bool()
	p.Strict, p.RetSet = r.bool(), r.bool()
	p.Volatile, p.Parallel = r.char(), r.char()
	r.skip(1) // pronargs
	p.NDefaults = int(r.int())
	p.Ret = r.oid()
	p.Args = r.oids()
	p.AllArgs = r.oids()
	for _, m := range r.strings() {
		p.ArgModes = append(p.ArgModes, m[0])
	}
	p.ArgNames = r.strings()
	p.Defaults = r.text()
	r.skip(1) // protrftypes
	p.Src = r.text()
	p.Bin = r.text()
	p.Body = r.text()
	p.Config = r.strings()
	p.ACL = r.text()
	if !c.CompareAndSwap(nil, p) {
		return c.Load()
	}
	return p
}
