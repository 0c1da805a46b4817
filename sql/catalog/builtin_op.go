package catalog

import (
	"sync"
	"sync/atomic"

	"kimberlite/sql/types"
)

var builtinOps struct {
	once   sync.Once
	table  *dataTable
	byOID  intIndex
	byName textIndex
	cache  []atomic.Pointer[Operator]
}

func initOps() {
	o := &builtinOps
	o.once.Do(func() {
		o.table = data("pg_operator")
		o.cache = make([]atomic.Pointer[Operator], o.table.len())
	})
}

// BuiltinOperator returns the row of pg_operator with the OID, nil if there is none.
func BuiltinOperator(oid types.OID) *Operator {
	initOps()
	i := builtinOps.byOID.one(builtinOps.table, 0, oid)
	if i < 0 {
		return nil
	}
	return operatorAt(i)
}

// BuiltinOperators returns the operators with the name, of any arguments.
func BuiltinOperators(name string) []*Operator {
	initOps()
	rows := builtinOps.byName.find(builtinOps.table, 1, name)
	if len(rows) == 0 {
		return nil
	}
	out := make([]*Operator, len(rows))
	for i, r := range rows {
		out[i] = operatorAt(int(r))
	}
	return out
}

func operatorAt(i int) *Operator {
	c := &builtinOps.cache[i]
	if o := c.Load(); o != nil {
		return o
	}
	r := builtinOps.table.row(i)
	o := &Operator{OID: r.oid(), Name: r.text(), Namespace: r.oid()}
	r.skip(1) // oprowner
	o.Kind = r.char()
	o.CanMerge, o.CanHash = r.bool(), r.bool()
	o.Left, o.Right, o.Result = r.oid(), r.oid(), r.oid()
	o.Commutator, o.Negator, o.Func = r.oid(), r.oid(), r.oid()
	o.Rest, o.Join = procName(r.oid()), procName(r.oid())
	if !c.CompareAndSwap(nil, o) {
		return c.Load()
	}
	return o
}

// The built-in access methods.
const (
	BtreeAM types.OID = 403
	HashAM  types.OID = 405
	HeapAM  types.OID = 2
)

// castKey orders casts by source and target.
type castKey struct{ source, target types.OID }

var builtinCasts = sync.OnceValue(func() map[castKey]*Cast {
	t := data("pg_cast")
	rows := make([]Cast, t.len())
	m := make(map[castKey]*Cast, len(rows))
	for i := range rows {
		r := t.row(i)
		rows[i] = Cast{r.oid(), r.oid(), r.oid(), r.oid(), r.char(), r.char()}
		m[castKey{rows[i].Source, rows[i].Target}] = &rows[i]
	}
	return m
})

// BuiltinCast returns the row of pg_cast, nil if there is none.
func BuiltinCast(source, target types.OID) *Cast { return builtinCasts()[castKey{source, target}] }

var builtinAggregates = sync.OnceValue(func() map[types.OID]*Aggregate {
	t := data("pg_aggregate")
	rows := make([]Aggregate, t.len())
	m := make(map[types.OID]*Aggregate, len(rows))
	for i := range rows {
		r := t.row(i)
		a := &rows[i]
		a.Func, a.Kind, a.NumDirect = r.oid(), r.char(), int(r.int())
		a.TransFunc, a.FinalFunc, a.CombineFunc = r.oid(), r.oid(), r.oid()
		r.skip(5)
		a.FinalExtra = r.bool()
		r.skip(3)
		a.SortOp, a.TransType = r.oid(), r.oid()
		r.skip(3)
		var null bool
		a.InitVal, null = r.textNull()
		a.HasInitVal = !null
		m[a.Func] = a
	}
	return m
})

// BuiltinAggregate returns the row of pg_aggregate, nil if the function is no aggregate.
func BuiltinAggregate(fn types.OID) *Aggregate { return builtinAggregates()[fn] }

var builtinCollations = sync.OnceValue(func() []*Collation {
	t := data("pg_collation")
	var out []*Collation
	for i := range t.len() {
		r := t.row(i)
		c := &Collation{OID: r.oid(), Name: r.text(), Namespace: r.oid()}
		r.skip(1)
		c.Provider, c.Deterministic = r.char(), r.bool()
		c.Encoding = int32(r.int())
		c.Collate, c.CType = r.text(), r.text()
		out = append(out, c)
	}
	return out
})

// BuiltinCollation returns the collation with the OID, nil if there is none.
func BuiltinCollation(oid types.OID) *Collation {
	for _, c := range builtinCollations() {
		if c.OID == oid {
			return c
		}
	}
	return nil
}

// BuiltinCollationByName returns the collation of pg_catalog with the name, nil if there is none.
func BuiltinCollationByName(name string) *Collation {
	for _, c := range builtinCollations() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// OpClass is a row of pg_opclass.
type OpClass struct {
	OID       types.OID
	Method    types.OID // access method
	Name      string
	Namespace types.OID
	Owner     types.OID
	Family    types.OID
	InType    types.OID
	Default   bool
	KeyType   types.OID
}

// AmOp is a row of pg_amop: an operator in an operator family.
type AmOp struct {
	OID, Family, Left, Right types.OID
	Strategy                 int
	Purpose                  byte
	Operator, Method         types.OID
}

// amKey identifies a member of a family: its argument types and strategy or support number.
type amKey struct {
	family, left, right types.OID
	n                   int
}

type opClasses struct {
	list     []*OpClass
	byOID    map[types.OID]*OpClass
	amops    map[amKey]types.OID
	amprocs  map[amKey]types.OID
	families map[types.OID][]AmOp // by operator
}

var builtinOpClasses = sync.OnceValue(func() *opClasses {
	x := &opClasses{byOID: map[types.OID]*OpClass{}, amops: map[amKey]types.OID{}, amprocs: map[amKey]types.OID{}, families: map[types.OID][]AmOp{}}
	t := data("pg_opclass")
	for i := range t.len() {
		r := t.row(i)
		c := &OpClass{r.oid(), r.oid(), r.text(), r.oid(), r.oid(), r.oid(), r.oid(), r.bool(), r.oid()}
		if c.Method == BtreeAM || c.Method == HashAM {
			x.list = append(x.list, c)
		}
		x.byOID[c.OID] = c
	}
	t = data("pg_amop")
	for i := range t.len() {
		r := t.row(i)
		a := AmOp{r.oid(), r.oid(), r.oid(), r.oid(), int(r.int()), r.char(), r.oid(), r.oid()}
		if a.Method != BtreeAM && a.Method != HashAM {
			continue
		}
		x.amops[amKey{a.Family, a.Left, a.Right, a.Strategy}] = a.Operator
		x.families[a.Operator] = append(x.families[a.Operator], a)
	}
	t = data("pg_amproc")
	for i := range t.len() {
		r := t.row(i)
		r.skip(1)
		x.amprocs[amKey{r.oid(), r.oid(), r.oid(), int(r.int())}] = r.oid()
	}
	return x
})

// OpClassByOID returns the operator class, nil if there is none.
func OpClassByOID(oid types.OID) *OpClass { return builtinOpClasses().byOID[oid] }

// FamilyOperator returns the operator of a btree or hash family for two types and a strategy number (btree: 1 <, 2 <=, 3 =, 4 >=, 5 >; hash: 1 =), 0 if there is none.
func FamilyOperator(family, left, right types.OID, strategy int) types.OID {
	return builtinOpClasses().amops[amKey{family, left, right, strategy}]
}

// FamilyProc returns support function n of a btree or hash family (1: comparison or hash), 0 if there is none.
func FamilyProc(family, left, right types.OID, n int) types.OID {
	return builtinOpClasses().amprocs[amKey{family, left, right, n}]
}

// OperatorFamilies returns the btree and hash families that an operator is a member of.
func OperatorFamilies(op types.OID) []AmOp { return builtinOpClasses().families[op] }

// DefaultOpClass returns the default operator class of an access method for a type, 0 if there is none. Domains, arrays, enums, ranges, composites and types that
// are binary coercible (varchar to text) use the class of what they stand for.
func DefaultOpClass(res types.Resolver, typ, method types.OID) types.OID {
	x := builtinOpClasses()
	typ = opClassInput(res, typ)
	var compatible, preferred types.OID
	for _, c := range x.list {
		if c.Method != method || !c.Default {
			continue
		}
		if c.InType == typ {
			return c.OID
		}
		if cast := BuiltinCast(typ, c.InType); cast != nil && cast.Method == 'b' && cast.Context == 'i' {
			compatible = c.OID
			if t := types.Builtin(c.InType); t != nil && t.Preferred {
				preferred = c.OID
			}
		}
	}
	if preferred != 0 {
		return preferred
	}
	return compatible
}

// opClassInput maps a type to the one that operator classes are declared for.
func opClassInput(res types.Resolver, typ types.OID) types.OID {
	for range 64 { // domains over domains
		t := types.Builtin(typ)
		if t == nil && res != nil {
			t = res.TypeByOID(typ)
		}
		if t == nil {
			return typ
		}
		switch t.Kind {
		case types.KindDomain:
			typ = t.Base
			continue
		case types.KindEnum:
			return types.OIDAnyenum
		case types.KindRange:
			return types.OIDAnyrange
		case types.KindMultirange:
			return types.OIDAnymultirange
		case types.KindComposite:
			return types.OIDRecord
		}
		if t.IsArray() || typ == types.OIDInt2vector { // oidvector has a class of its own
			return types.OIDAnyarray
		}
		return typ
	}
	return typ
}

var typeOpsCache sync.Map // built-in type OID -> TypeOps

// typeOps computes the default operators of a type.
func typeOps(res types.Resolver, typ types.OID) TypeOps {
	typ = opClassInput(res, typ)
	if o, ok := typeOpsCache.Load(typ); ok {
		return o.(TypeOps)
	}
	var o TypeOps
	if c := OpClassByOID(DefaultOpClass(nil, typ, BtreeAM)); c != nil {
		o.BtreeFamily = c.Family
		o.Lt = FamilyOperator(c.Family, c.InType, c.InType, 1)
		o.Eq = FamilyOperator(c.Family, c.InType, c.InType, 3)
		o.Gt = FamilyOperator(c.Family, c.InType, c.InType, 5)
		o.Cmp = FamilyProc(c.Family, c.InType, c.InType, 1)
	}
	if c := OpClassByOID(DefaultOpClass(nil, typ, HashAM)); c != nil {
		o.HashFamily = c.Family
		o.Hash = FamilyProc(c.Family, c.InType, c.InType, 1)
		if o.Eq == 0 {
			o.Eq = FamilyOperator(c.Family, c.InType, c.InType, 1)
		}
	}
	if typ < FirstNormalOID {
		typeOpsCache.Store(typ, o)
	}
	return o
}

// opClassByName returns the operator class of an access method with the name that accepts the type, 0 if there is none.
func opClassByName(res types.Resolver, method, name string, typ types.OID) types.OID {
	am := accessMethodByName(method)
	if am == 0 {
		return 0
	}
	typ = opClassInput(res, typ)
	for _, c := range builtinOpClasses().list {
		if c.Method != am || c.Name != name {
			continue
		}
		if c.InType == typ {
			return c.OID
		}
		if cast := BuiltinCast(typ, c.InType); cast != nil && cast.Method == 'b' && cast.Context == 'i' {
			return c.OID
		}
	}
	return 0
}

// accessMethodByName returns the OID of an access method, 0 if there is none.
func accessMethodByName(name string) types.OID {
	t := data("pg_am")
	for i := range t.len() {
		if r := t.row(i); true {
			oid := r.oid()
			if r.text() == name {
				return oid
			}
		}
	}
	return 0
}
