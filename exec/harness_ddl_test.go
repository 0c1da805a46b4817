package exec_test

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/projections"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

func (d *db) oid() types.OID {
	d.next++
	return d.next
}

func (d *db) head(name string) catalog.Header {
	return catalog.Header{OID: d.oid(), Database: catalog.PostgresOID, Name: name, Owner: catalog.SuperuserOID}
}

// ddl runs the DDL that the tests need: tables with constraints, indexes, enums, domains, composite types, TRUNCATE-free.
func (d *db) ddl(s *session, st *parser.Stmt) error {
	switch n := st.Raw.Node.(type) {
	case *pg.Node_CreateStmt:
		return d.createTable(s, n.CreateStmt)
	case *pg.Node_IndexStmt:
		return d.createIndex(s, n.IndexStmt)
	case *pg.Node_CreateEnumStmt:
		e := n.CreateEnumStmt
		h := d.head(e.TypeName[0].GetString_().Sval)
		ty := types.Type{OID: h.OID, Name: h.Name, Namespace: catalog.PublicSchemaOID, Kind: types.KindEnum, Array: d.oid(), Class: types.Fixed, Category: 'E',
			Len: 4, Align: 'i', BaseMod: -1, Defined: true}
		for i, l := range e.Vals {
			ty.Labels = append(ty.Labels, types.EnumLabel{OID: d.oid(), Label: l.GetString_().Sval, Key: int64(i+1) << 32})
		}
		d.cat.Put(&catalog.TypeDesc{Header: h, Type: ty})
		return nil
	case *pg.Node_CompositeTypeStmt:
		r := d.relation(n.CompositeTypeStmt.Typevar.Relname, 'c')
		d.columns(r, n.CompositeTypeStmt.Coldeflist)
		d.cat.Put(r)
		return nil
	case *pg.Node_CreateDomainStmt:
		return d.createDomain(n.CreateDomainStmt)
	case *pg.Node_CreateSeqStmt:
		r := d.relation(n.CreateSeqStmt.Sequence.Relname, 'S')
		r.Sequence = &catalog.Sequence{T: types.OIDInt8, Start: 1, Increment: 1}
		d.cat.Put(r)
		return nil
	}
	return pgerr.Unsupported(st.Text, "")
}

func (d *db) relation(name string, kind byte) *catalog.Relation {
	return &catalog.Relation{Header: d.head(name), Schema: catalog.PublicSchemaOID, RelKind: kind, Persistence: 'p', RowType: d.oid(), RowArray: d.oid()}
}

func (d *db) createDomain(n *pg.CreateDomainStmt) error {
	h := d.head(n.Domainname[0].GetString_().Sval)
	base := d.typeOf(n.TypeName)
	ty := *types.Lookup(&types.Ctx{Types: d.cat}, base.OID)
	ty.OID, ty.Name, ty.Namespace, ty.Kind, ty.Array = h.OID, h.Name, catalog.PublicSchemaOID, types.KindDomain, d.oid()
	ty.Base, ty.BaseMod, ty.Preferred = base.OID, base.Mod, false
	desc := &catalog.TypeDesc{Header: h}
	for _, c := range n.Constraints {
		con := c.GetConstraint()
		switch con.Contype {
		case pg.ConstrType_CONSTR_NOTNULL:
			ty.NotNull = true
		case pg.ConstrType_CONSTR_CHECK:
			e, err := analyze.AnalyzeExpr(d.analyzeEnv(), con.RawExpr, analyze.ExprDomainCheck, analyze.ExprScope{Value: base})
			if err != nil {
				return err
			}
			name := con.Conname
			if name == "" {
				name = h.Name + "_check"
			}
			desc.Constraints = append(desc.Constraints, catalog.Constraint{OID: d.oid(), Name: name, Type: 'c', Expr: tree.Encode(e)})
		}
	}
	desc.Type = ty
	d.cat.Put(desc)
	return nil
}

func (d *db) typeOf(n *pg.TypeName) types.T {
	t, err := analyze.ResolveTypeName(d.analyzeEnv(), n)
	if err != nil {
		d.t.Fatal(err)
	}
	return t
}

func (d *db) columns(r *catalog.Relation, defs []*pg.Node) {
	for _, e := range defs {
		def := e.GetColumnDef()
		if def == nil {
			continue
		}
		name := def.TypeName.Names[len(def.TypeName.Names)-1].GetString_().Sval
		serial := name == "serial"
		if serial {
			def.TypeName.Names = []*pg.Node{pg.MakeStrNode("int4")}
		}
		t := d.typeOf(def.TypeName)
		col := catalog.Column{Name: def.Colname, T: t, Collation: types.Lookup(&types.Ctx{Types: d.cat}, t.OID).Collation}
		if serial {
			seq := d.relation(r.Name+"_"+col.Name+"_seq", 'S')
			seq.Sequence = &catalog.Sequence{T: types.OIDInt4, Start: 1, Increment: 1}
			d.cat.Put(seq)
			col.NotNull = true
			col.Default = tree.Encode(&tree.FuncExpr{Func: 480, T: types.Of(types.OIDInt4), Args: []tree.Expr{&tree.FuncExpr{Func: 1574, T: types.Of(types.OIDInt8),
				Args: []tree.Expr{&tree.Const{T: types.Of(types.OIDRegclass), Value: types.Int(int64(seq.OID))}}}}})
		}
		r.Columns = append(r.Columns, col)
	}
}

func (r tableBuilder) att(name string) int {
	for i := range r.r.Columns {
		if r.r.Columns[i].Name == name {
			return i + 1
		}
	}
	r.d.t.Fatalf("no column %s", name)
	return 0
}

type tableBuilder struct {
	d *db
	r *catalog.Relation
}

func (d *db) createTable(s *session, n *pg.CreateStmt) error {
	r := d.relation(n.Relation.Relname, 'r')
	r.Storage = projections.StorageID(r.OID)
	d.columns(r, n.TableElts)
	b := tableBuilder{d, r}
	i := 0
	for _, e := range n.TableElts {
		def := e.GetColumnDef()
		if def == nil {
			continue
		}
		for _, c := range def.Constraints {
			con := c.GetConstraint()
			if err := b.constraint(con, i, []string{def.Colname}); err != nil {
				return err
			}
		}
		i++
	}
	for _, e := range n.TableElts {
		if con := e.GetConstraint(); con != nil {
			var cols []string
			for _, k := range append(con.Keys, con.FkAttrs...) {
				cols = append(cols, k.GetString_().Sval)
			}
			if err := b.constraint(con, -1, cols); err != nil {
				return err
			}
		}
	}
	d.cat.Put(r)
	return d.putTable(s, r.OID)
}

// putTable makes the storage definition known.
func (d *db) putTable(s *session, oid types.OID) error {
	tx := s.back.Begin(txn.TxnOptions{})
	tx.PutTable(oid, d.cat.TableDef(oid))
	_, err := tx.Commit(s.ctx)
	return err
}

func (b tableBuilder) constraint(con *pg.Constraint, i int, cols []string) error {
	d, r := b.d, b.r
	name := con.Conname
	def := func(suffix string) string {
		if name != "" {
			return name
		}
		if suffix == "pkey" {
			return r.Name + "_pkey"
		}
		return r.Name + "_" + strings.Join(cols, "_") + "_" + suffix
	}
	cook := func(kind analyze.ExprKind, scope analyze.ExprScope) ([]byte, error) {
		e, err := analyze.AnalyzeExpr(d.analyzeEnv(), con.RawExpr, kind, scope)
		if err != nil {
			return nil, err
		}
		return tree.Encode(e), nil
	}
	var err error
	switch con.Contype {
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
		ix := &catalog.Relation{Header: d.head(""), Schema: r.Schema, RelKind: 'i', Persistence: 'p'}
		ix.Storage = projections.StorageID(ix.OID)
		c := catalog.Constraint{OID: d.oid(), Type: 'u', Index: ix.OID, Deferrable: con.Deferrable, Deferred: con.Initdeferred}
		c.Name = def("key")
		if con.Contype == pg.ConstrType_CONSTR_PRIMARY {
			c.Type, c.Name = 'p', def("pkey")
		}
		ix.Name = c.Name
		ix.Index = &catalog.Index{Table: r.OID, Method: "btree", Unique: true, Primary: c.Type == 'p', Immediate: !con.Deferrable, Valid: true, Constraint: c.OID}
		for _, k := range cols {
			att := b.att(k)
			c.Cols = append(c.Cols, att)
			if c.Type == 'p' {
				r.Columns[att-1].NotNull = true
			}
			ix.Index.Keys = append(ix.Index.Keys, catalog.IndexKey{Att: att, T: r.Columns[att-1].T})
		}
		r.Constraints = append(r.Constraints, c)
		r.Indexes = append(r.Indexes, ix.OID)
		d.cat.Put(ix)
	case pg.ConstrType_CONSTR_NOTNULL:
		r.Columns[i].NotNull = true
	case pg.ConstrType_CONSTR_DEFAULT:
		r.Columns[i].Default, err = cook(analyze.ExprDefault, analyze.ExprScope{Target: r.Columns[i].T, Column: r.Columns[i].Name})
	case pg.ConstrType_CONSTR_GENERATED:
		r.Columns[i].Default, err = cook(analyze.ExprGenerated, analyze.ExprScope{Relation: r, Target: r.Columns[i].T, Column: r.Columns[i].Name})
		r.Columns[i].Generated = 's'
	case pg.ConstrType_CONSTR_IDENTITY:
		seq := d.relation(r.Name+"_"+r.Columns[i].Name+"_seq", 'S')
		seq.Sequence = &catalog.Sequence{T: r.Columns[i].T.OID, Start: 1, Increment: 1, OwnedBy: r.OID, OwnedCol: i + 1, Identity: true}
		d.cat.Put(seq)
		r.Columns[i].Identity, r.Columns[i].IdentitySeq, r.Columns[i].NotNull = con.GeneratedWhen[0], seq.OID, true
	case pg.ConstrType_CONSTR_CHECK:
		c := catalog.Constraint{OID: d.oid(), Name: def("check"), Type: 'c'}
		if i < 0 && name == "" {
			c.Name = r.Name + "_check"
		}
		c.Expr, err = cook(analyze.ExprCheck, analyze.ExprScope{Relation: r})
		r.Constraints = append(r.Constraints, c)
	case pg.ConstrType_CONSTR_FOREIGN:
		c := catalog.Constraint{OID: d.oid(), Name: def("fkey"), Type: 'f', Deferrable: con.Deferrable, Deferred: con.Initdeferred,
			OnUpdate: con.FkUpdAction[0], OnDelete: con.FkDelAction[0], Match: con.FkMatchtype[0]}
		for _, k := range cols {
			c.Cols = append(c.Cols, b.att(k))
		}
		for _, k := range con.FkDelSetCols {
			c.DeleteSetCols = append(c.DeleteSetCols, b.att(k.GetString_().Sval))
		}
		ref := r
		if con.Pktable.Relname != r.Name {
			ref = d.cat.RelationByName(catalog.PublicSchemaOID, con.Pktable.Relname)
		}
		c.RefRel = ref.OID
		for _, k := range con.PkAttrs {
			c.RefCols = append(c.RefCols, tableBuilder{d, ref}.att(k.GetString_().Sval))
		}
		for _, k := range ref.Constraints {
			if k.Type == 'p' && len(c.RefCols) == 0 {
				c.RefCols = k.Cols
			}
			if (k.Type == 'p' || k.Type == 'u') && sameSet(k.Cols, c.RefCols) {
				c.Index = k.Index
			}
		}
		r.Constraints = append(r.Constraints, c)
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_DEFERRED:
		k := &r.Constraints[len(r.Constraints)-1]
		k.Deferrable = true
		k.Deferred = con.Contype == pg.ConstrType_CONSTR_ATTR_DEFERRED
		if k.Type == 'p' || k.Type == 'u' {
			ix := *d.cat.Relation(k.Index)
			x := *ix.Index
			x.Immediate = false
			ix.Index = &x
			d.cat.Put(&ix)
		}
	}
	return err
}

func sameSet(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		found := false
		for _, y := range b {
			found = found || x == y
		}
		if !found {
			return false
		}
	}
	return true
}

func (d *db) createIndex(s *session, n *pg.IndexStmt) error {
	old := d.cat.RelationByName(catalog.PublicSchemaOID, n.Relation.Relname)
	r := *old
	ix := &catalog.Relation{Header: d.head(n.Idxname), Schema: r.Schema, RelKind: 'i', Persistence: 'p'}
	ix.Storage = projections.StorageID(ix.OID)
	ix.Index = &catalog.Index{Table: r.OID, Method: "btree", Unique: n.Unique, Immediate: true, Valid: true}
	for _, p := range n.IndexParams {
		e := p.GetIndexElem()
		k := catalog.IndexKey{Desc: e.Ordering == pg.SortByDir_SORTBY_DESC}
		k.NullsFirst = k.Desc
		if e.Name != "" {
			k.Att = tableBuilder{d, &r}.att(e.Name)
			k.T = r.Columns[k.Att-1].T
		} else {
			x, err := analyze.AnalyzeExpr(d.analyzeEnv(), e.Expr, analyze.ExprIndex, analyze.ExprScope{Relation: &r})
			if err != nil {
				return err
			}
			k.Expr, k.T = tree.Encode(x), x.Type()
		}
		ix.Index.Keys = append(ix.Index.Keys, k)
	}
	for _, p := range n.IndexIncludingParams {
		ix.Index.Include = append(ix.Index.Include, tableBuilder{d, &r}.att(p.GetIndexElem().Name))
	}
	if n.WhereClause != nil {
		x, err := analyze.AnalyzeExpr(d.analyzeEnv(), n.WhereClause, analyze.ExprIndexPredicate, analyze.ExprScope{Relation: &r})
		if err != nil {
			return err
		}
		ix.Index.Predicate = tree.Encode(x)
	}
	r.Indexes = append(append([]types.OID{}, r.Indexes...), ix.OID)
	d.cat.Put(ix)
	d.cat.Put(&r)
	return d.putTable(s, r.OID)
}
