package functions

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Implementations by internal name (pg_proc.prosrc), and by OID for functions that PostgreSQL itself defines in SQL.
var (
	scalars      = map[string]Impl{}
	scalarsByOID = map[types.OID]Impl{}
	sets         = map[string]SetReturning{}
	setsByOID    = map[types.OID]SetReturning{}
	aggregates   = map[string]Aggregate{} // by aggregate name and argument types, see aggKey
	orderedSets  = map[string]OrderedSet{}
	windows      = map[string]Window{}
)

// scalar registers a row implementation under an internal name; registering one twice is a bug that shows at start.
func scalar(src string, fn Scalar) {
	if _, dup := scalars[src]; dup {
		panic("functions: " + src + " registered twice")
	}
	scalars[src] = Impl{Row: fn}
}

func scalarOID(oid types.OID, fn Scalar) { scalarsByOID[oid] = Impl{Row: fn} }

func set(src string, fn SetReturning) { sets[src] = fn }

func setOID(oid types.OID, fn SetReturning) { setsByOID[oid] = fn }

// LookupScalar finds a scalar function's implementation. ok is false for one that is only known by name: refuse it with Unsupported.
func LookupScalar(fn types.OID) (Impl, bool) {
	if i, ok := scalarsByOID[fn]; ok {
		return i, true
	}
	p := catalog.BuiltinProc(fn)
	if p == nil {
		return Impl{}, false
	}
	i, ok := scalars[p.Src]
	return i, ok
}

// LookupInternal finds a scalar function by its internal name, as CREATE FUNCTION ... LANGUAGE internal does.
func LookupInternal(src string) (Impl, bool) {
	i, ok := scalars[src]
	return i, ok
}

// LookupSet finds a set-returning function: see LookupScalar.
func LookupSet(fn types.OID) (SetReturning, bool) {
	if s, ok := setsByOID[fn]; ok {
		return s, true
	}
	p := catalog.BuiltinProc(fn)
	if p == nil {
		return nil, false
	}
	s, ok := sets[p.Src]
	return s, ok
}

// LookupAggregate finds a plain aggregate: see LookupScalar.
func LookupAggregate(fn types.OID) (Aggregate, bool) {
	p := catalog.BuiltinProc(fn)
	if p == nil {
		return nil, false
	}
	if a, ok := aggregates[aggKey(p)]; ok {
		return a, true
	}
	a, ok := aggregates[p.Name]
	return a, ok
}

// LookupOrderedSet finds an ordered-set or hypothetical-set aggregate: see LookupScalar.
func LookupOrderedSet(fn types.OID) (OrderedSet, bool) {
	p := catalog.BuiltinProc(fn)
	if p == nil {
		return nil, false
	}
	o, ok := orderedSets[p.Name]
	return o, ok
}

// LookupWindow finds a window function: see LookupScalar.
func LookupWindow(fn types.OID) (Window, bool) {
	p := catalog.BuiltinProc(fn)
	if p == nil {
		return nil, false
	}
	w, ok := windows[p.Src]
	return w, ok
}

// aggKey names an aggregate with its first argument's type: "sum/int4".
func aggKey(p *catalog.Proc) string {
	if len(p.Args) == 0 {
		return p.Name
	}
	t := types.Builtin(p.Args[0])
	if t == nil {
		return p.Name
	}
	return p.Name + "/" + t.Name
}

// Unsupported is the refusal of a function without an implementation.
func Unsupported(name string) error {
	return pgerr.Unsupported("function "+name, "See the list of functions in the documentation; an issue with the use case helps.")
}
