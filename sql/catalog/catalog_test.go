package catalog

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kimberlite/sql/types"
)

func testBound() *Bound { return bootView() }

func TestBuiltinLookups(t *testing.T) {
	v := testBound()
	for _, p := range []string{"lower", "count", "generate_series", "now", "int4pl", "pg_get_expr", "jsonb_set"} {
		list := v.Procs(p)
		if len(list) == 0 {
			t.Fatalf("no function %s", p)
		}
		for _, f := range list {
			if f.Name != p || v.Proc(f.OID) != f {
				t.Errorf("%s: %+v", p, f)
			}
		}
	}
	if f := v.Proc(3968); f != nil && f.NDefaults > 0 && f.Defaults == "" {
		t.Errorf("defaults of %s are lost", f.Name)
	}
	if o := v.Operator(96); o == nil || o.Name != "=" || o.Left != 23 || o.Rest != "eqsel" || o.Join != "eqjoinsel" || o.Commutator != 96 || o.Negator != 518 {
		t.Errorf("operator 96: %+v", o)
	}
	if n := len(v.Operators("=")); n < 50 {
		t.Errorf("%d operators named =", n)
	}
	if c := v.Cast(23, 20); c == nil || c.Func != 481 || c.Context != 'i' || c.Method != 'f' {
		t.Errorf("cast int4 to int8: %+v", c)
	}
	if a := v.Aggregate(2803); a == nil || a.Kind != 'n' || a.TransType != 20 || a.InitVal != "0" {
		t.Errorf("count(*): %+v", a)
	}
	for _, c := range []struct{ typ, eq, lt, cmp, hash types.OID }{
		{23, 96, 97, 351, 450}, {25, 98, 664, 360, 400}, {1043, 98, 664, 360, 400}, {1007, 1070, 1072, 382, 626}, {869, 1201, 1203, 926, 422}, {650, 1201, 1203, 926, 422},
	} {
		o := v.TypeOps(c.typ)
		if o.Eq != c.eq || o.Lt != c.lt || o.Cmp != c.cmp || o.Hash != c.hash {
			t.Errorf("operators of type %d: %+v, want %+v", c.typ, o, c)
		}
	}
	if oid := v.OpClassByName("btree", "text_pattern_ops", 25); oid != 4217 {
		t.Errorf("text_pattern_ops: %d", oid)
	}
	if oid := v.OpClassByName("btree", "varchar_ops", 1043); oid == 0 {
		t.Error("varchar_ops does not accept varchar")
	}
}

func TestBuiltinRelations(t *testing.T) {
	v := testBound()
	r := v.Relation(ClassRelation)
	if r == nil || r.Name != "pg_class" || r.RelKind != 'r' || r.Columns[0].Name != "oid" || r.Columns[1].T.OID != 19 || len(r.Indexes) != 3 {
		t.Fatalf("pg_class: %+v", r)
	}
	if v.RelationByName(PgCatalogOID, "pg_class") != r {
		t.Error("pg_class is not found by name")
	}
	ix := v.Relation(2663)
	if ix == nil || ix.Index == nil || ix.Index.Table != ClassRelation || !ix.Index.Unique || len(ix.Index.Keys) != 2 || ix.Index.Keys[0].Att != 2 || ix.Index.Keys[0].Collation != CCollationOID {
		t.Errorf("pg_class_relname_nsp_index: %+v", ix.Index)
	}
	if c := v.RelationByName(InformationSchemaOID, "columns"); c == nil || c.RelKind != 'v' || len(c.Columns) != 44 {
		t.Errorf("information_schema.columns: %+v", c)
	}
	if s := v.Comment(ClassRelation, 0, 0); s != "" {
		t.Error(s)
	}
	if s := v.Comment(ClassProc, 870, 0); s != "lowercase" {
		t.Errorf("comment on lower: %q", s)
	}
	n := 0
	eachBuiltinClass(func(builtinClass) { n++ })
	if n < 400 {
		t.Errorf("%d built-in relations", n)
	}
	if len(SettingDefs()) < 340 || KeywordCategory("select") != 'R' || KeywordCategory("foo") != 0 {
		t.Error("settings or keywords are incomplete")
	}
	for i := range data("pg_proc").len() {
		procAt(i)
	}
	for i := range data("pg_operator").len() {
		operatorAt(i)
	}
}

// randomOp makes an operation over a small space of objects, so that puts replace, names collide and deletes hit.
func randomOp(r *rand.Rand) Op {
	oid := FirstNormalOID + types.OID(r.Intn(12))
	h := Header{OID: oid, Database: PostgresOID, Name: fmt.Sprintf("n%d", r.Intn(8)), Owner: SuperuserOID}
	var d Descriptor
	switch r.Intn(7) {
	case 0:
		d = &Schema{h}
	case 1, 2:
		rel := &Relation{Header: h, Schema: PublicSchemaOID, RelKind: 'r', RowType: oid + 100, RowArray: oid + 200, Storage: 1}
		for i := range r.Intn(4) {
			c := Column{Name: fmt.Sprint("c", i), T: types.Of([]types.OID{23, 25, FirstNormalOID + types.OID(r.Intn(12))}[r.Intn(3)])}
			if r.Intn(3) == 0 {
				c.Default, c.DefaultOID, c.Missing = []byte{1, 0}, 30000+oid*10+types.OID(i), &types.Datum{S: "\xff\x00"}
			}
			rel.Columns = append(rel.Columns, c)
		}
		if len(rel.Columns) > 0 && r.Intn(2) == 0 {
			rel.Constraints = []Constraint{{OID: oid + 400, Name: "k", Type: 'f', Cols: []int{1}, RefRel: FirstNormalOID + types.OID(r.Intn(12)), RefCols: []int{1}}}
		}
		d = rel
	case 3:
		d = &TypeDesc{Header: h, Type: types.Type{OID: oid, Name: h.Name, Namespace: PublicSchemaOID, Kind: types.KindEnum, Array: oid + 500}}
	case 4:
		object, sub := FirstNormalOID+types.OID(r.Intn(12)), r.Intn(2)
		h.OID = object*2 + types.OID(sub)
		d = &Comment{Header: h, Class: ClassRelation, Object: object, Sub: sub, Text: "x"}
	case 5:
		d = &Role{Header: Header{OID: oid, Name: h.Name}}
	default:
		d = &Statistics{Header: h, Table: oid, Rows: 5}
	}
	if r.Intn(4) == 0 {
		return Delete(d)
	}
	return Put(d)
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// A transaction's overlay looks as the snapshot will (C3), marks and rollbacks included, and the log form loses nothing.
func TestOverlayEqualsSnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		base := NewSnapshot().Apply(Bootstrap())
		o := NewOverlay(base.Bind(PostgresOID))
		var model []Op
		var marks []Mark
		var models []int
		for range 30 {
			switch r.Intn(8) {
			case 0:
				marks, models = append(marks, o.Mark()), append(models, len(model))
			case 1:
				if n := len(marks); n > 0 {
					o.RollbackTo(marks[n-1])
					model = model[:models[n-1]]
				}
			case 2:
				op := randomOp(r)
				base = base.Apply([]Op{op})
				o.Rebase(base)
			default:
				op := randomOp(r)
				o.Apply(op)
				model = append(model, op)
			}
		}
		want, err := base.ApplyLog(LogOps(o.Ops()))
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Ops()) != len(model) {
			t.Fatalf("%d operations, want %d", len(o.Ops()), len(model))
		}
		if got, w := o.Snapshot().Dump(), want.Dump(); got != w {
			t.Fatal(firstDifference(got, w))
		}
		// A snapshot rebuilt from its descriptors is the same, so that no index entry is left behind or missing.
		if got, w := NewSnapshot().Apply(want.Ops()).Dump(), want.Dump(); got != w {
			t.Fatal(firstDifference(got, w))
		}
	})
}

func TestVersions(t *testing.T) {
	base := NewSnapshot().Apply(Bootstrap())
	o := NewOverlay(base.Bind(PostgresOID))
	if o.Version() != base.Version() {
		t.Error("an overlay without changes has its base's version")
	}
	seen := map[uint64]bool{o.Version(): true}
	m := o.Mark()
	o.Put(&Schema{Header{OID: 20000, Database: PostgresOID, Name: "s"}})
	if seen[o.Version()] || o.SchemaByName("s") == nil || base.Bind(PostgresOID).SchemaByName("s") != nil {
		t.Error("a change is not visible, or visible to others, or keeps the version")
	}
	seen[o.Version()] = true
	o.Rebase(base.Apply([]Op{Put(&Schema{Header{OID: 20001, Database: PostgresOID, Name: "s2"}})}))
	if seen[o.Version()] || o.SchemaByName("s") == nil || o.SchemaByName("s2") == nil {
		t.Error("rebasing loses something")
	}
	o.RollbackTo(m)
	if o.SchemaByName("s") != nil || o.SchemaByName("s2") == nil || o.Changed() {
		t.Error("rolling back leaves something")
	}
}

func TestImpliedTypesAndTableDef(t *testing.T) {
	enum := &TypeDesc{Header: Header{OID: 20001, Database: PostgresOID, Name: "mood"}, Type: types.Type{OID: 20001, Name: "mood", Namespace: PublicSchemaOID,
		Kind: types.KindEnum, Array: 20002, Class: types.Fixed, Category: 'E', Len: 4, Align: 'i', BaseMod: -1}}
	rel := &Relation{Header: Header{OID: 20010, Database: PostgresOID, Name: "t"}, Schema: PublicSchemaOID, RelKind: 'r', RowType: 20011, RowArray: 20012, Storage: 20010,
		Columns: []Column{{Name: "a", T: types.Of(20001)}, {Name: "b", T: types.Of(1043)}}, Indexes: []types.OID{20013}}
	ix := &Relation{Header: Header{OID: 20013, Database: PostgresOID, Name: "t_i"}, Schema: PublicSchemaOID, RelKind: 'i', Storage: 20013,
		Index: &Index{Table: 20010, Method: "btree", Unique: true, Immediate: true, Keys: []IndexKey{{Att: 1, T: types.Of(20001)}}}}
	v := NewSnapshot().Apply(Bootstrap()).Apply([]Op{Put(enum), Put(rel), Put(ix)}).Bind(PostgresOID)
	for name, oid := range map[string]types.OID{"mood": 20001, "_mood": 20002, "t": 20011, "_t": 20012} {
		if ty := v.TypeByName(PublicSchemaOID, name); ty == nil || ty.OID != oid || v.TypeByOID(oid) == nil {
			t.Errorf("type %s: %+v", name, ty)
		}
	}
	if row := v.TypeByOID(20011); row.Kind != types.KindComposite || len(row.Fields) != 2 || row.Array != 20012 || v.TypeByOID(20012).Elem != 20011 {
		t.Errorf("row type %+v", row)
	}
	if s := types.FormatType(&types.Ctx{Types: v}, 20002, -1); s != "mood[]" {
		t.Error(s)
	}
	if s := types.FormatType(&types.Ctx{Types: v.WithPath([]types.OID{PgCatalogOID})}, 20002, -1); s != "public.mood[]" {
		t.Error(s)
	}
	def := v.TableDef(20010)
	if def == nil || def.Columns[0].Type != types.OIDInt8 || def.Columns[0].Class != types.Fixed || def.Columns[1].Class != types.Bytes || len(def.Indexes) != 1 ||
		def.Indexes[0].Parts[0].Key != types.OIDInt8 {
		t.Errorf("definition %+v", def)
	}
	if v.TableDef(20010) != def {
		t.Error("the definition is not cached")
	}
	// Dropping the index, whose table keeps its descriptor, must not leave the old definition behind.
	v2 := v.Snapshot().Apply([]Op{Delete(ix)}).Bind(PostgresOID)
	if n := len(v2.TableDef(20010).Indexes); n != 0 {
		t.Errorf("%d indexes after the drop", n)
	}
	deps := v.Dependents(ClassRelation, 20010, 0)
	if len(deps) != 2 { // the index and the row type
		t.Errorf("dependents %+v", deps)
	}
}

func BenchmarkApply(b *testing.B) {
	s := NewSnapshot().Apply(Bootstrap())
	var ops []Op
	for i := range 10000 {
		oid := FirstNormalOID + types.OID(i*10)
		ops = append(ops, Put(&Relation{Header: Header{OID: oid, Database: PostgresOID, Name: fmt.Sprint("t", i)}, Schema: PublicSchemaOID, RelKind: 'r', RowType: oid + 1, RowArray: oid + 2,
			Columns: []Column{{Name: "a", T: types.Of(23)}, {Name: "b", T: types.Of(25)}}}))
	}
	s = s.Apply(ops)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		s = s.Apply(ops[i%len(ops) : i%len(ops)+1])
	}
}
