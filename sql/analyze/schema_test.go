package analyze_test

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

//go:embed testdata/schema.sql
var schemaSQL string

// schema is a catalog made from testdata/schema.sql by a small part of DDL, enough for these tests.
type schema struct {
	t    testing.TB
	o    *catalog.Overlay
	next types.OID
}

// newSchema builds the test catalog.
func newSchema(t testing.TB) *analyze.Env {
	s := &schema{t: t, next: catalog.FirstNormalOID}
	s.o = catalog.NewOverlay(catalog.NewSnapshot().Apply(catalog.Bootstrap()).Bind(catalog.PostgresOID))
	stmts, err := parser.Parse(schemaSQL)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stmts {
		s.run(st)
	}
	return s.env()
}

func (s *schema) env() *analyze.Env {
	return &analyze.Env{Catalog: s.o, IO: &types.Ctx{TimeZone: time.UTC, Types: s.o, Reg: regs{s.o}}, SearchPath: []types.OID{catalog.PgCatalogOID, catalog.PublicSchemaOID}, ParamVariable: true, User: catalog.SuperuserOID}
}

// regs resolves the names of relations and types.
type regs struct{ cat catalog.Reader }

func (r regs) RegIn(typ types.OID, text string) (types.OID, error) {
	switch typ {
	case types.OIDRegclass:
		if rel := r.cat.RelationByName(catalog.PublicSchemaOID, text); rel != nil {
			return rel.OID, nil
		}
		return 0, pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", text)
	case types.OIDRegtype:
		if t := types.BuiltinByName(text); t != nil {
			return t.OID, nil
		}
	}
	return 0, pgerr.Newf(pgerr.UndefinedObject, "\"%s\" does not exist", text)
}

func (r regs) RegOut(_, oid types.OID) string { return fmt.Sprint(oid) }

func (s *schema) oid() types.OID {
	s.next++
	return s.next
}

func (s *schema) head(name string) catalog.Header {
	return catalog.Header{OID: s.oid(), Database: catalog.PostgresOID, Name: name, Owner: catalog.SuperuserOID}
}

func (s *schema) run(st parser.Stmt) {
	switch n := st.Raw.Node.(type) {
	case *pg.Node_CreateEnumStmt:
		s.enum(n.CreateEnumStmt)
	case *pg.Node_CompositeTypeStmt:
		r := s.relation(n.CompositeTypeStmt.Typevar, 'c')
		s.columns(r, n.CompositeTypeStmt.Coldeflist)
		s.o.Put(r)
	case *pg.Node_CreateDomainStmt:
		s.domain(n.CreateDomainStmt)
	case *pg.Node_CreateSchemaStmt:
		s.o.Put(&catalog.Schema{Header: s.head(n.CreateSchemaStmt.Schemaname)})
	case *pg.Node_CreateStmt:
		s.table(n.CreateStmt)
	case *pg.Node_ViewStmt:
		s.view(n.ViewStmt)
	default:
		s.t.Fatalf("cannot run %s", st.Text)
	}
}

func (s *schema) relation(rv *pg.RangeVar, kind byte) *catalog.Relation {
	ns := catalog.PublicSchemaOID
	if rv.Schemaname != "" {
		ns = s.o.SchemaByName(rv.Schemaname).OID
	}
	return &catalog.Relation{Header: s.head(rv.Relname), Schema: ns, RelKind: kind, Persistence: 'p', RowType: s.oid(), RowArray: s.oid()}
}

func (s *schema) enum(n *pg.CreateEnumStmt) {
	h := s.head(n.TypeName[0].GetString_().Sval)
	ty := types.Type{OID: h.OID, Name: h.Name, Namespace: catalog.PublicSchemaOID, Kind: types.KindEnum, Array: s.oid(), Class: types.Fixed, Category: 'E',
		Len: 4, Align: 'i', BaseMod: -1, Defined: true}
	for i, l := range n.Vals {
		ty.Labels = append(ty.Labels, types.EnumLabel{OID: s.oid(), Label: l.GetString_().Sval, Key: int64(i+1) << 32})
	}
	s.o.Put(&catalog.TypeDesc{Header: h, Type: ty})
}

func (s *schema) domain(n *pg.CreateDomainStmt) {
	h := s.head(n.Domainname[0].GetString_().Sval)
	base := s.typeOf(n.TypeName)
	ty := *s.o.TypeByOID(base.OID)
	ty.OID, ty.Name, ty.Namespace, ty.Kind, ty.Array = h.OID, h.Name, catalog.PublicSchemaOID, types.KindDomain, s.oid()
	ty.Base, ty.BaseMod, ty.Preferred = base.OID, base.Mod, false
	s.o.Put(&catalog.TypeDesc{Header: h, Type: ty})
}

func (s *schema) typeOf(n *pg.TypeName) types.T {
	t, err := analyze.ResolveTypeName(s.env(), n)
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

func (s *schema) columns(r *catalog.Relation, defs []*pg.Node) {
	for _, d := range defs {
		def := d.GetColumnDef()
		t := s.typeOf(def.TypeName)
		r.Columns = append(r.Columns, catalog.Column{Name: def.Colname, T: t, Collation: types.Lookup(&types.Ctx{Types: s.o}, t.OID).Collation})
	}
}

func (s *schema) table(n *pg.CreateStmt) {
	r := s.relation(n.Relation, 'r')
	var cols []*pg.Node
	for _, e := range n.TableElts {
		if e.GetColumnDef() != nil {
			cols = append(cols, e)
		}
	}
	s.columns(r, cols)
	unique := func(con *pg.Constraint, keys []string) {
		ix := &catalog.Relation{Header: s.head(r.Name + "_" + strings.Join(keys, "_")), Schema: r.Schema, RelKind: 'i', Persistence: 'p'}
		c := catalog.Constraint{OID: s.oid(), Name: ix.Name + "_key", Type: 'u', Index: ix.OID}
		if con.Contype == pg.ConstrType_CONSTR_PRIMARY {
			c.Type, c.Name = 'p', r.Name+"_pkey"
		}
		ix.Index = &catalog.Index{Table: r.OID, Method: "btree", Unique: true, Primary: c.Type == 'p', Immediate: true, Valid: true, Constraint: c.OID}
		for _, k := range keys {
			for i := range r.Columns {
				if r.Columns[i].Name == k {
					c.Cols = append(c.Cols, i+1)
					ix.Index.Keys = append(ix.Index.Keys, catalog.IndexKey{Att: i + 1, T: r.Columns[i].T})
				}
			}
		}
		r.Constraints = append(r.Constraints, c)
		r.Indexes = append(r.Indexes, ix.OID)
		s.o.Put(ix)
	}
	for i, c := range cols {
		for _, k := range c.GetColumnDef().Constraints {
			s.columnConstraint(r, i, k.GetConstraint(), unique)
		}
	}
	for _, e := range n.TableElts {
		if con := e.GetConstraint(); con != nil {
			var keys []string
			for _, k := range con.Keys {
				keys = append(keys, k.GetString_().Sval)
			}
			unique(con, keys)
		}
	}
	s.o.Put(r)
}

func (s *schema) columnConstraint(r *catalog.Relation, i int, con *pg.Constraint, unique func(*pg.Constraint, []string)) {
	col := &r.Columns[i]
	cook := func(kind analyze.ExprKind, rel *catalog.Relation) {
		e, err := analyze.AnalyzeExpr(s.env(), con.RawExpr, kind, analyze.ExprScope{Relation: rel, Target: col.T, Column: col.Name})
		if err != nil {
			s.t.Fatal(err)
		}
		col.Default = tree.Encode(e)
	}
	switch con.Contype {
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
		unique(con, []string{col.Name})
	case pg.ConstrType_CONSTR_NOTNULL:
		col.NotNull = true
	case pg.ConstrType_CONSTR_DEFAULT:
		cook(analyze.ExprDefault, nil)
	case pg.ConstrType_CONSTR_GENERATED:
		cook(analyze.ExprGenerated, r)
		col.Generated = 's'
	case pg.ConstrType_CONSTR_IDENTITY:
		seq := &catalog.Relation{Header: s.head(r.Name + "_" + col.Name + "_seq"), Schema: r.Schema, RelKind: 'S', Persistence: 'p',
			Sequence: &catalog.Sequence{T: col.T.OID, Start: 1, Increment: 1, OwnedBy: r.OID, OwnedCol: i + 1, Identity: true}}
		s.o.Put(seq)
		col.Identity, col.IdentitySeq, col.NotNull = con.GeneratedWhen[0], seq.OID, true
	}
}

func (s *schema) view(n *pg.ViewStmt) {
	r := s.relation(n.View, 'v')
	q, err := analyze.AnalyzeView(s.env(), n.Query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range q.Target {
		te := &q.Target[i]
		if !te.Junk {
			r.Columns = append(r.Columns, catalog.Column{Name: te.Name, T: te.Expr.Type(), Collation: te.Expr.Collation()})
		}
	}
	r.View = &catalog.View{Query: tree.EncodeQuery(q)}
	switch n.WithCheckOption {
	case pg.ViewCheckOption_LOCAL_CHECK_OPTION:
		r.View.CheckOption = 'l'
	case pg.ViewCheckOption_CASCADED_CHECK_OPTION:
		r.View.CheckOption = 'c'
	}
	s.o.Put(r)
}
